/** Everything that may stand between a name and its value, in prose, configuration and a dozen programming languages. */

const CLOSE = String.raw`\\?["'\`*)\]}]{0,4}`
// `password (prod):`, `api key [live] =`.
const ASIDE = String.raw`(?:[ \t]{0,2}[([][^()[\]\n]{0,24}[)\]])?`
const TYPE = String.raw`:[ \t]{0,2}(?:&(?:'static )?)?(?:str|String|string|text|char|Text|SecretStr|SecureString|Optional\[str\]|string \| undefined|any)[ \t]{0,2}=`
const TYPED = String.raw`[ \t]{1,2}(?:string|String|str|text)[ \t]{0,2}:?=`
const SIGN = String.raw`(?:${TYPE}|=>|:=|\?=|\|\|=|\?\?=|={1,3}|：|:|＝|\||->|<-)`
const AFTER = String.raw`(?:[ \t]{0,2}\r?\n[ \t]{1,8}|[ \t]{0,12})`
const WRAPPER = String.raw`(?:(?:new |await |&)?[A-Za-z_$][\w.$:]{0,20}\((?=["'])|[brfuL@]{1,2}(?=["']))?`
const SCHEME = String.raw`(?:(?:Token|ApiKey|Api-Key|API-Key|Key|SSWS|GenieKey|Splunk|OAuth|token|apikey|key|ssws)[ =]{1,2}(?:token=)?)?`
// `the password for the staging database is`
const TOPIC = String.raw`(?: (?:for|of|to|on|in|at|from|used|with|that|you|we|i|fur|für|von|der|des|zum|zur|pour|du|de|d(?=')|para|del|do|da|di|per|voor|dla|för)\b[^\n:=.;|"'<>]{0,36}?)?`
const VERB = String.raw`(?: (?:is|was|are|will be|should be|must be|to be|equals|has been (?:changed|set|reset|updated|rotated) to|changed to|set to|reset to|is now|now is|is set to|is still|ist|war|lautet|wurde auf|ist jetzt|est|sera|es|era|e|é|è|jest|is nu|är|er|on|je|to|becomes|reads)(?: as follows)?(?: (?:still|now|just|simply|currently|jetzt))?:?[ \t]{1,2}| ?(?:是|为|為|は|이|는|은|это|:) ?)`

const FORMS = [
  `${CLOSE}${ASIDE}[ \\t]{0,12}${SIGN}${AFTER}${SCHEME}${WRAPPER}`,
  `${CLOSE}${TYPED}[ \\t]{0,3}${WRAPPER}`,
  // An entry of a list of pairs, in YAML, JSON and XML.
  String.raw`\\?["']?,?\s{0,12}\\?["']?value\\?["']?[ \t]{0,2}[:=][ \t]{0,3}`,
  // An argument behind a name: `set("password", "...")`, `setPassword("...")`.
  String.raw`\\?["'\`]\]?[ \t]{0,2},[ \t]{0,2}(?=\\?["'\`])`,
  String.raw`\((?=["'\`])`,
  '>',
  `${CLOSE}${ASIDE}${TOPIC}${VERB}`,
  String.raw`[ \t]{1,4}(?=["'\`])`,
]

/** Sticky; the value begins where it ends, but for an opening quote. */
export const BETWEEN = new RegExp(FORMS.map((form) => `(?:${form})`).join('|'), 'y')

/** Behind an option's name (`--token abc`), in a netrc or a Dockerfile, and in hurried prose: nothing but a space. */
export const SPACE = /[ \t]{1,2}/y

/** The opening quote or emphasis before a value. */
export const OPENING = /\*{0,2}\\?["'`“„«]?/y
