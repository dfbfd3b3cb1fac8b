import type { Matcher } from '../matcher.ts'
import { phrase } from '../phrase.ts'
import { unsafe } from './kind.ts'

const SHELL = '(?:ba|z|da|k|c|tc|fi)?sh\\b|python[23]?\\b|perl\\b|ruby\\b|node\\b|php\\b|pwsh\\b|powershell\\b|iex\\b'

const piped = phrase({
  kind: unsafe('download_and_run', 'command_injection', 0.92, 0.5),
  literals: ['curl ', 'wget ', 'fetch ', 'base64 -d', 'base64 --decode', 'xxd -r', 'openssl base64'],
  pattern: new RegExp(`^(?:(?:curl|wget|fetch)\\s[^\\n|;]{1,150}\\|\\s?(?:sudo (?:-\\S+ )?)?(?:${SHELL})|(?:base64 (?:-d|--decode|-D)|xxd -r|openssl base64 -d)[^\\n|;]{0,60}\\|\\s?(?:sudo )?(?:${SHELL})|(?:curl|wget)\\s[^\\n|;]{1,120}(?:&&|;)\\s?(?:chmod \\+x|(?:ba)?sh )\\s?\\S)`, 'i'),
  // Well-known installers are fetched that way by everybody.
  weigh: (_before, found) => (/https:\/\/(?:sh\.rustup\.rs|get\.docker\.com|raw\.githubusercontent\.com\/(?:nvm-sh|Homebrew|ohmyzsh)|bun\.sh|deb\.nodesource\.com|get\.pnpm\.io|astral\.sh|install\.python-poetry\.org|get\.helm\.sh|deno\.land|ollama\.com)/i.test(found) ? 0.6 : undefined),
})

const substituted = phrase({
  kind: unsafe('command_in_value', 'command_injection', 0.9, 0.4),
  literals: ['$(curl', '$(wget', '$(cat', '$(whoami', '$(id', '$(env', '$(ls', '$(rm', '$(nc', '$(bash', '$(sh', '$(python', '$(echo', '$(uname', '$(hostname', '$(printenv', '`curl', '`wget', '`cat ', '`whoami', '`id`', '`rm ', '`nc ', '`bash', '${ifs}', '$ifs', '<(curl', '<(wget'],
  pattern: /^(?:(?:\$|<)\((?:curl|wget|cat|whoami|id|env|ls|rm|nc|bash|sh|python[23]?|echo|uname|hostname|printenv)\b[^)\n]{0,140}\)|`(?:curl|wget|cat|whoami|id|rm|nc|bash)\b[^`\n]{0,120}`|\$\{?ifs\}?)/i,
  weigh(before, found) {
    if (/^`/.test(found)) return /https?:|\/dev\/tcp|rm -rf|\|\s?(?:ba)?sh/i.test(found) ? 0.6 : 0.2
    if (/^\$\{?ifs/i.test(found)) return /[\w;|&]$/.test(before) ? 0.88 : 0.4
    return /https?:|\/dev\/tcp|\/etc\/|\.ssh|rm -|\bnc\b|whoami|printenv|base64/i.test(found) ? undefined : 0.5
  },
})

const chained = phrase({
  kind: unsafe('chained_command', 'command_injection', 0.92, 0.5),
  literals: ['; rm ', ';rm ', '&& rm ', '| rm ', '; cat /etc', ';cat /etc', '&& cat /etc', '| cat /etc', '; curl ', '; wget ', '&& curl ', '; nc ', '| nc ', '; bash', '; sh ', '; id', '; whoami', '| whoami', '&& whoami', '; ls', '; ping ', '| sh', '|| rm', '; chmod ', '; sudo ', '; shutdown', '; reboot', '; mkfs', '; dd ', '; powershell', '& del ', '& net user', '& whoami', '\n/bin/'],
  pattern: /^(?:(?:;|&&|\|\||\||&)\s{0,2}(?:rm\s+-\w*[rf]\w*\s+\S|cat\s+\/etc\/(?:passwd|shadow)|curl\s+\S|wget\s+\S|nc\s+(?:(?:-\w+\s+)+\S|[\w.-]{2,60}\s+\d{2,5})|(?:ba)?sh\s+-\w|sh\s|id\s?(?:["';|&]|$)|whoami|ls\s+-?\S{0,20}\s?["';]|ping\s+-[cn]\s?\d|chmod\s+(?:777|\+s|-R)|sudo\s+\S|shutdown|reboot|mkfs|dd\s+if=|powershell\s|del\s+\/|net\s+user)[^\n"]{0,80}|\n\/bin\/(?:ba)?sh)/i,
  weigh(before, found) {
    // A tool that runs commands gets whole ones; behind an address, a name or a number they are smuggled.
    const command = /(?:["']|^|\n)\s{0,3}(?:cd|mkdir|git|npm|pnpm|yarn|make|cmake|docker|kubectl|python[23]?|pip|node|cargo|go|export|source|set|if|for|while|test|sudo|apt|apt-get|brew|touch|cp|mv|tar|unzip|echo|cat|ls|find|grep|sed|awk|curl|wget|ssh|scp|rm|sleep|bash|sh)\b[^"]{0,100}$/i.test(before)
    if (/rm\s+-\w*[rf]\w*\s+(?:--no-preserve-root\s+)?(?:\/(?:\s|\*|"|'|\\|$|etc|home|usr|var\b(?!\/tmp))|~|\$home|\*)/i.test(found)) return undefined
    if (/\/etc\/(?:passwd|shadow)|mkfs|dd\s+if=|net\s+user|chmod\s+\+s|shutdown|\|\s{0,2}nc\s/i.test(found)) return command ? 0.7 : undefined
    return command ? 0.3 : /[\w.:)'-]\s{0,2}$/.test(before) ? 0.88 : 0.4
  },
})

const reverse = phrase({
  kind: unsafe('reverse_shell', 'command_injection', 0.95, 0.6),
  literals: ['/dev/tcp/', '/dev/udp/', 'bash -i', 'sh -i', 'nc -e', 'nc -c', 'ncat -e', 'ncat --exec', 'nc.traditional', 'nc -lvp', 'nc -lnvp', 'mkfifo ', 'socat exec', 'socat tcp', 'pty.spawn', 'import socket', 'use socket', 'fsockopen(', 'tcpsocket.open', 'net.webclient', 'invoke-expression', 'iex (', 'iex(', '-encodedcommand', '-enc ', 'downloadstring(', 'system.net.sockets', ':(){', 'msfvenom', 'meterpreter', 'telnet '],
  pattern: /^(?:\/dev\/(?:tcp|udp)\/[\w.$-]{3,80}\/\d{1,5}|(?:ba)?sh -i\s?(?:>&|<&|\d?>)|n(?:c|cat)(?:\.traditional)? (?:-\w* ?)*(?:-e|-c|--exec)\s?\S{0,60}|nc -ln?vp\s?\d|mkfifo \/tmp\/\w{1,12}[^\n]{0,80}?\bnc\b|socat (?:exec|tcp)[^\n]{0,60}?(?:exec|\/bin\/)|pty\.spawn\(|import socket[^]{0,120}?(?:subprocess|os\.dup2|pty)|use socket;[^]{0,120}?(?:exec|open\()|fsockopen\([^]{0,100}?(?:exec|proc_open|shell_exec)|tcpsocket\.open\([^]{0,80}?exec|(?:iex|invoke-expression)\s?\(?\s?\(?(?:new-object|\(?iwr|irm|invoke-webrequest)|net\.webclient\)?\.?[^]{0,20}downloadstring|-enc(?:odedcommand)? [a-z0-9+/=]{24,}|system\.net\.sockets\.tcpclient|:\(\)\s?\{\s?:\s?\|\s?:\s?&\s?\}|telnet \S{3,60} \d{2,5}\s?\|\s?(?:\/bin\/)?(?:ba)?sh)/i,
})

const wreck = phrase({
  kind: unsafe('destroys_machine', 'command_injection', 0.92, 0.5),
  literals: ['rm -rf', 'rm -fr', 'rm -r -f', 'rm --recursive', 'sudo rm', '> /dev/sd', '>/dev/sd', 'of=/dev/', 'mkfs.', 'format c:', 'del /f', 'rd /s', 'chmod -r 777 /', 'chmod 777 /', 'chown -r', 'wipefs', 'shred '],
  pattern: /^(?:(?:sudo )?rm (?:-\w+ |--\w[\w-]* ){1,4}(?:\/(?=\s|\*|"|'|\\|$|;)|\/(?:etc|home|usr|var|boot|bin|lib|root|dev)\/?(?=\s|\*|"|'|\\|$|;)|~\/?(?=\s|\*|"|'|\\|$|;)|\$home\b|\/\*|\*(?=\s|"|$))|>\s?\/dev\/sd[a-z]|of=\/dev\/(?:sd|nvme|hd|disk)\w*|mkfs\.\w{2,6} (?:-\w )?\/dev\/|format c:|del \/[fsq] (?:\/[fsq] )*[a-z]:\\|rd \/s (?:\/q )?[a-z]:\\|chmod (?:-r )?777 \/(?=\s|"|$)|chown -r \S{1,30} \/(?=\s|"|$)|wipefs -a \/dev|shred [^\n]{0,30}\/dev\/)/i,
})

export const commands: readonly Matcher[] = [piped, substituted, chained, reverse, wreck]
