import { ALNUM, BASE64URL, charSet } from '../../chars.ts'
import { ANY64, DASHED, DOTTED, LOWER, LOWER_HEX, URLISH, WORDY, behind, plain, shaped } from '../format.ts'
import type { Format } from '../format.ts'

// A bot's token begins with its id in base 64, and ids begin with two digits: these are all such beginnings.
const SNOWFLAKES = ['MT', 'Mj', 'Mz', 'ND', 'NT', 'Nj', 'Nz', 'OD', 'OT'].flatMap((two) => [...'AEIMQUYcgk'].map((third) => two + third))

/** Mail, chat, telephony, social networks and webhooks whose address is the secret. */
export const talk: readonly Format[] = [
  shaped('slack_token', ['xoxb-', 'xoxp-', 'xoxa-', 'xoxo-', 'xoxr-', 'xoxs-', 'xoxc-', 'xoxd-', 'xoxe-', 'xoxe.', 'xapp-', 'xwfp-'], charSet('a-zA-Z0-9._%-'), 420, /^(?:xox[a-z]|xapp|xwfp)[.-][\w.%-]{20,}/),
  shaped('slack_webhook', ['hooks.slack.com/services/', 'hooks.slack.com/workflows/', 'hooks.slack.com/triggers/'], URLISH, 160, /^hooks\.slack\.com\/(?:services|workflows|triggers)\/[A-Z0-9]{8,12}\/[A-Z0-9]{8,20}\/[\w/-]{20,}/, 3.5),
  shaped('discord_webhook', ['discord.com/api/webhooks/', 'discordapp.com/api/webhooks/', 'discord.com/api/v10/webhooks/'], URLISH, 160, /^discord(?:app)?\.com\/api(?:\/v\d+)?\/webhooks\/\d{17,20}\/[\w-]{60,}/),
  shaped('discord_bot_token', SNOWFLAKES, DOTTED, 90, /^[MNO][A-Za-z\d]{22,27}\.[\w-]{6}\.[\w-]{27,40}/, 4),
  shaped('discord_mfa_token', ['mfa.'], DOTTED, 100, /^mfa\.[\w-]{80,}/, 4),
  shaped('teams_webhook', ['webhook.office.com/webhookb2/'], charSet('a-zA-Z0-9@/_.-'), 250, /^webhook\.office\.com\/webhookb2\/[\w@-]{36,}\/IncomingWebhook\/[0-9a-f]{32}\/[0-9a-f-]{36}/),
  shaped('google_chat_webhook', ['chat.googleapis.com/v1/spaces/'], charSet('a-zA-Z0-9/_.?=&%-'), 260, /^chat\.googleapis\.com\/v1\/spaces\/[\w-]+\/messages\?key=[\w-]{39}&token=[\w%-]{40,}/),
  shaped('zapier_webhook', ['hooks.zapier.com/hooks/catch/'], URLISH, 100, /^hooks\.zapier\.com\/hooks\/catch\/\d{4,12}\/\w{5,24}/, 3, 0.85),
  shaped('make_webhook', ['hook.eu1.make.com/', 'hook.eu2.make.com/', 'hook.us1.make.com/', 'hook.us2.make.com/', 'hook.integromat.com/'], charSet('a-z0-9./'), 80, /^hook\.[a-z0-9.]+\/[a-z0-9]{28,40}/, 3.5),
  shaped('ifttt_webhook', ['maker.ifttt.com/trigger/'], URLISH, 160, /^maker\.ifttt\.com\/trigger\/[\w-]{1,64}(?:\/json)?\/with\/key\/[\w-]{20,}/),
  behind(plain('telegram_bot_token', [':AA'], BASE64URL, 33, 33, 3.5)),
  plain('twilio_key', ['SK'], LOWER_HEX, 32, 32, 2.5, 0.9),
  shaped('sendgrid_key', ['SG.'], DOTTED, 90, /^SG\.[\w-]{16,32}\.[\w-]{32,64}(?![\w-])/, 3.5),
  shaped('mailgun_key', ['key-'], DASHED, 60, /^key-[0-9a-f]{32}(?!\w)/, 3, 0.85),
  plain('brevo_key', ['xkeysib-', 'xsmtpsib-'], DASHED, 81, 81),
  plain('resend_key', ['re_'], WORDY, 30, 40, 3.5),
  plain('mailersend_token', ['mlsn.'], LOWER_HEX, 64),
  plain('mandrill_key', ['md-'], BASE64URL, 22, 22, 3.8),
  plain('intercom_token', ['dG9rO'], ANY64, 50, 62, 3.7),
  shaped('hubspot_token', ['pat-na1-', 'pat-na2-', 'pat-eu1-', 'pat-ap1-', 'pat-na3-'], DASHED, 60, /^pat-[a-z]{2}\d-[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/),
  plain('facebook_token', ['EAAC', 'EAAG', 'EAAB', 'EAAM', 'EAAJ', 'EAAD', 'EAAO', 'EAAR', 'EAAW'], ALNUM, 80, 400, 3.5),
  plain('instagram_token', ['IGQV', 'IGAA'], BASE64URL, 80, 300, 3.5),
  plain('twitter_bearer', ['AAAAAAAAAAAAAAAAAAAAA'], charSet('a-zA-Z0-9%'), 60, 110, 3.5),
  shaped('linkedin_token', ['AQV', 'AQX', 'WPL_AP'], DOTTED, 420, /^(?:AQ[VX][\w-]{80,}|WPL_AP\d\.[A-Za-z0-9]{14,}(?:\.[\w=-]+)?)/, 3.5),
  plain('onesignal_key', ['os_v2_app_', 'os_v2_org_'], LOWER, 90, 120),
  plain('courier_key', ['pk_prod_', 'dk_prod_'], charSet('A-Z0-9'), 28, 32, 3.5),
  plain('matrix_token', ['syt_', 'syr_', 'mct_', 'mat_'], WORDY, 30, 120, 3.5),
  plain('tiktok_token', ['act.'], charSet('a-zA-Z0-9!.'), 60, 80, 4),
  plain('telnyx_key', ['KEY0'], charSet('A-Za-z0-9_'), 50, 60, 3.5),
]
