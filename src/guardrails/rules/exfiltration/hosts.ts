/** Services that show whoever asks what was sent to them. Nobody's pictures live there. */
export const COLLECTORS: readonly string[] = [
  'webhook.site', 'requestbin.com', 'requestbin.net', 'requestbin.io', 'requestbin.cn', 'pipedream.net', 'requestcatcher.com', 'beeceptor.com', 'hookbin.com', 'burpcollaborator.net', 'oastify.com', 'oast.pro', 'oast.live', 'oast.site', 'oast.online', 'oast.fun', 'oast.me', 'interact.sh', 'interactsh.com',
  'dnslog.cn', 'dnslog.link', 'ceye.io', 'canarytokens.com', 'canarytokens.org', 'canarytokens.net', 'postb.in', 'ptsv2.com', 'ptsv3.com', 'mockbin.org', 'webhookinbox.com', 'typedwebhook.tools', 'requestinspector.com', 'xss.ht', 'xss.report', 'bxss.me', 'grabify.link', 'iplogger.org', 'iplogger.com', 'webhook.cool', 'webhook-test.com', 'requestrepo.com', 'hookdeck.com', 'request.bin', 'dnsbin.zhack.ca', 'eyes.sh', 'httpdump.app', 'smee.io',
]

/** Doors from the internet to anybody's own computer, or to anybody's own inbox. Developers use them honestly. */
export const TUNNELS: readonly string[] = [
  'ngrok.io', 'ngrok.app', 'ngrok.dev', 'ngrok-free.app', 'ngrok-free.dev', 'trycloudflare.com', 'loca.lt', 'localtunnel.me', 'serveo.net', 'lhr.life', 'lhr.rocks', 'localhost.run', 'bore.pub', 'tunnelmole.net', 'pagekite.me', 'telebit.io', 'devtunnels.ms', 'zrok.io', 'pinggy.link', 'pinggy.io',
  'hooks.slack.com', 'api.telegram.org', 'discord.com/api/webhooks', 'discordapp.com/api/webhooks', 'script.google.com/macros',
]

// They draw what the address says, or keep what somebody uploaded; what is asked of them reaches nobody else.
const RENDERERS: readonly string[] = [
  'shields.io', 'badgen.net', 'badge.fury.io', 'codecov.io', 'coveralls.io', 'travis-ci.com', 'travis-ci.org', 'circleci.com', 'github.com', 'githubusercontent.com', 'githubassets.com', 'gitlab.com', 'placehold.co', 'placeholder.com', 'dummyimage.com', 'placekitten.com', 'picsum.photos', 'latex.codecogs.com', 'quickchart.io', 'mermaid.ink', 'kroki.io', 'plantuml.com',
  'chart.googleapis.com', 'googleapis.com', 'google.com', 'googleusercontent.com', 'gstatic.com', 'ggpht.com', 'ytimg.com', 'youtube.com', 'qrserver.com', 'pollinations.ai', 'ui-avatars.com', 'dicebear.com', 'robohash.org', 'gravatar.com', 'wp.com', 'wordpress.com', 'unsplash.com', 'pexels.com', 'pixabay.com', 'imgur.com', 'wikimedia.org', 'wikipedia.org', 'twimg.com', 'fbcdn.net', 'cdninstagram.com', 'discordapp.com', 'discordapp.net', 'cloudinary.com', 'imgix.net', 'shopify.com',
  'openstreetmap.org', 'mapbox.com', 'bing.com', 'microsoft.com', 'office.com', 'live.com', 'apple.com', 'mzstatic.com', 'amazon.com', 'media-amazon.com', 'ssl-images-amazon.com', 'oaiusercontent.com', 'openai.com', 'anthropic.com', 'jsdelivr.net', 'unpkg.com', 'cdnjs.cloudflare.com', 'npmjs.com', 'pypi.org', 'readthedocs.io', 'star-history.com', 'contrib.rocks', 'opencollective.com', 'sonarcloud.io', 'snyk.io', 'vercel.com', 'netlify.com', 'herokucdn.com', 'lottiefiles.com', 'flaticon.com', 'icons8.com', 'simpleicons.org', 'skillicons.dev', 'komarev.com', 'github-readme-stats.vercel.app',
]

const collectors = new Set(COLLECTORS)
const tunnels = new Set(TUNNELS)
const renderers = new Set(RENDERERS)

// The host itself, or any domain above it.
function among(set: ReadonlySet<string>, host: string): boolean {
  for (let at = 0; at >= 0; at = host.indexOf('.', at) + 1 || -1) if (set.has(host.slice(at))) return true
  return false
}

export type Place = 'collector' | 'tunnel' | 'renderer' | 'other'

/** What kind of place a host (lower case, without port) is; for some, its path counts. */
export function placeOf(host: string, path: string): Place {
  if (among(collectors, host)) return 'collector'
  if (among(tunnels, host)) return 'tunnel'
  if (tunnels.has(host + path.split('/').slice(0, 3).join('/')) || tunnels.has(host + path.split('/').slice(0, 2).join('/'))) return 'tunnel'
  return among(renderers, host) ? 'renderer' : 'other'
}
