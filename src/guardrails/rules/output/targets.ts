import type { Matcher } from '../matcher.ts'
import { phrase } from '../phrase.ts'
import { unsafe } from './kind.ts'

const traversal = phrase({
  kind: unsafe('path_traversal', 'path_traversal', 0.93, 0.4),
  literals: ['../../', '..\\..\\', '..\\\\..\\\\', '%2e%2e', '..%2f', '..%5c', '..%252f', '%252e%252e', '....//', '..;/', '..%c0%af', '/etc/passwd', '/etc/shadow', '/proc/self/', 'c:\\windows\\system32\\config', 'c:\\\\windows\\\\system32\\\\config', 'win.ini', 'boot.ini'],
  pattern: /^(?:(?:\.\.\/){2,40}[\w./-]{0,80}|(?:\.\.\\{1,2}){2,40}[\w.\\-]{0,80}|(?:(?:%2e|\.){2}(?:%2f|%5c|\/|\\)){1,20}[\w./%-]{0,60}|(?:\.\.%252f|%252e%252e(?:%252f|\/)){1,10}|(?:\.{4}\/\/){2,20}|(?:\.\.;\/){1,10}|\.\.%c0%af|\/etc\/(?:passwd|shadow)\b|\/proc\/self\/(?:environ|maps|fd|cmdline)|c:\\{1,2}windows\\{1,2}system32\\{1,2}config|(?:win|boot)\.ini)/i,
  weigh(before, found) {
    // Source files import each other across folders.
    if (/^(?:\.\.[/\\]+)+/.test(found)) {
      if (/(?:etc\/(?:passwd|shadow|hosts)|proc\/self|\.ssh|\.aws|windows|win\.ini|boot\.ini|id_rsa|wp-config|web\.config)/i.test(found)) return 0.93
      const deep = (found.match(/\.\.[/\\]/g)?.length ?? 0) >= 5
      return deep && !/(?:from|import|require\(|include|extends|src|href|\$ref)[\s"'(=:]{1,5}$/i.test(before) ? 0.8 : 0.2
    }
    if (/^(?:win|boot)\.ini/i.test(found)) return 0.4
    if (/^\/etc\/passwd/i.test(found)) return /(?:file:\/\/|["'=:]\s?)$/.test(before) ? 0.85 : 0.4
    if (/^\/etc\/shadow|^\/proc\/self/i.test(found)) return 0.85
    // One step up may be a file name that somebody encoded.
    return (found.match(/%2e%2e|\.\.%|%252e|\.{4}|\.\.;/gi)?.length ?? 0) > 1 || /passwd|shadow|%00|c0%af/i.test(found) ? undefined : 0.6
  },
})

const metadata = phrase({
  kind: unsafe('metadata_service', 'ssrf', 0.95, 0.5),
  literals: ['169.254.169.254', '169.254.170.2', 'metadata.google.internal', 'metadata.azure', '100.100.100.200', 'fd00:ec2::254', '[::ffff:169.254', '[::ffff:a9fe', '2852039166', '0xa9fea9fe', '0xa9.0xfe', '0251.0376', '169.254.43518', 'instance-data/latest', 'metadata.tencentyun', '192.0.0.192', '169.254.169.254.nip.io'],
  pattern: /^(?:169\.254\.169\.254|169\.254\.170\.2(?!\d)|metadata\.google\.internal|metadata\.azure\w*|100\.100\.100\.200|fd00:ec2::254|\[::ffff:(?:169\.254\.169\.254|a9fe:a9fe)|2852039166|0xa9fea9fe|0xa9\.0xfe\.0xa9\.0xfe|0251\.0376\.0251\.0376|169\.254\.43518|instance-data\/latest|metadata\.tencentyun\.com|192\.0\.0\.192)[^\s"'<>]{0,100}/i,
  weigh: (before) => (/\d[.]?$/.test(before) ? 0 : undefined),
})

const scheme = phrase({
  kind: unsafe('local_address', 'ssrf', 0.92, 0.3),
  literals: ['file://', 'gopher://', 'dict://', 'tftp://', 'ldap://', 'ldaps://', 'jar:http', 'netdoc:', 'php://', 'expect://', 'phar://', 'zip://', 'glob://', 'sftp://localhost', 'http://0x', 'http://0.0.0.0', 'http://[::', 'http://[0:', 'https://[::', 'http://2130706433', 'http://017700000001', 'http://127.', 'https://127.', 'http://localhost', 'https://localhost', 'http://127.1'],
  pattern: /^(?:file:\/\/(?:localhost)?\/[\w./%~-]{1,100}|gopher:\/\/\S{3,100}|dict:\/\/\S{3,80}|tftp:\/\/\S{3,80}|ldaps?:\/\/\S{3,80}|jar:https?:\S{3,100}|netdoc:\S{2,60}|php:\/\/(?:filter|input|expect)\S{0,100}|expect:\/\/\S{2,60}|phar:\/\/\S{2,80}|(?:zip|glob):\/\/\/\S{2,60}|https?:\/\/(?:0x[0-9a-f]{2,8}|0\.0\.0\.0|\[(?:::|0:)[0-9a-f:.]{0,30}\]|2130706433|017700000001|127\.\d{1,3}(?:\.\d{1,3}){0,2}|localhost)(?=[:/?#\s"'\\]|$)[^\s"'<>]{0,80})/i,
  weigh(_before, found) {
    if (/^(?:gopher|dict|tftp|netdoc|expect|php:\/\/(?:filter|input)|phar)/i.test(found)) return undefined
    if (/^https?:\/\/(?:0x|2130706433|017700000001|\[(?:::ffff|0:0:0:0:0:ffff))/i.test(found)) return undefined
    if (/^https?:/i.test(found)) return /:(?:22|2375|2376|6379|9200|11211|27017|5984|8500|10250|2379|3306|5432)(?!\d)|\/(?:admin|actuator|server-status|manager\/html|latest\/meta-data)/i.test(found) ? 0.7 : 0.3
    if (/^file:/i.test(found)) return /\/(?:etc\/(?:passwd|shadow|hosts|ssh)|proc\/|root\/\.|var\/run|home\/[^/]+\/\.|\w:\/windows)|\.ssh|\.env\b|\.aws/i.test(found) ? undefined : 0.5
    return /^ldap/i.test(found) ? 0.5 : 0.8
  },
})

const template = phrase({
  kind: unsafe('template_injection', 'template_injection', 0.92, 0.5),
  literals: ['{{7', '{{ 7', '${7', '${ 7', '#{7', '<%= 7', '<%=7', '*{7', '@(7', '{7*7', '{{config', '{{ config', '{{self', '{{ self', '{{request', '{{ request', '{{\'\'', '{{""', '{{ \'\'', '{{[]', '{{()', '{{lipsum', '{{cycler', '{{ lipsum', '{{ cycler', '{% import os', '${jndi', '${${', '%{jndi', '${env:', '${sys:', '${script:', '${dns:', '${url:', '__class__', '__mro__', '__subclasses__', '__globals__', '__builtins__', 't(java.lang', 'freemarker.template', 'velocity.', '#set($', '{php}', '{system(', '{{_self', '{{constructor', '${t(', '<#assign'],
  pattern: /^(?:(?:\{\{|\$\{|#\{|<%=|\*\{|@\(|\{)\s?7\s?\*\s?'?7|\{\{\s?(?:config(?:\.|\s?\}\}|\|)|self\.|request\.(?:application|environ|args|__)|(?:''|""|\[\]|\(\))\.__|lipsum\.|cycler\.|_self\.|constructor\.constructor)|\{% import os|\$\{\s?jndi:|\$\{\$\{(?:lower|upper|env|sys|date|::-)[^]{0,60}|%\{jndi|\$\{(?:env|sys|script|dns|url):[^}\n]{1,80}\}|__(?:class|mro|subclasses|globals|builtins)__[^\n]{0,60}?__(?:mro|base|bases|subclasses|globals|builtins|import)__|t\(java\.lang\.(?:runtime|processbuilder|system)|freemarker\.template\.utility\.(?:execute|objectconstructor)|#set\(\$\w{1,12}\s?=\s?["'$][^\n]{0,40}(?:class|runtime)|\{php\}|\{system\(|\$\{t\(java|<#assign \w{1,12}\s?=\s?["']freemarker)/i,
  weigh: (_before, found) => (/^\$\{(?:env|sys):/i.test(found) ? 0.4 : undefined),
})

const entity = phrase({
  kind: unsafe('external_entity', 'xxe', 0.92, 0.5),
  across: true,
  literals: ['<!entity', '<!doctype', 'xi:include', '<xsl:value-of select="system-property', 'xsl:include'],
  pattern: /^(?:<!entity\s+(?:%\s+)?[\w.-]{1,40}\s+(?:system|public\s+"[^"]{0,80}")\s+\\?["'][^"'\n]{1,140}|<!doctype\s+[\w:.-]{1,40}\s*(?:\[[^\]]{0,60}?<!entity|(?:system|public)\s+\\?["'](?:file|ftp|php|expect|jar|netdoc|gopher)|system\s+\\?["']https?:)|xi:include\s[^>]{0,60}href\s?=\s?\\?["'](?:file|http|ftp)|<!entity\s+[\w.-]{1,20}\s+\\?["'](?:&[\w.-]{1,20};){4,})/i,
})

const objects = phrase({
  kind: unsafe('serialised_object', 'deserialisation', 0.92, 0.5),
  literals: ['ro0ab', 'aced0005', 'o:', 'a:1:{', '!!python/', '!!javax.', '!!ruby/', '!ruby/', '!!com.sun', 'gasv', 'gaj', '_$$nd_func$$_', 'aaeaaad/////', '"$type"', '\\"$type\\"', 'cos\nsystem', 'cposix\nsystem', '__reduce__', 'csubprocess', '@type":"com.sun', '"@type":"', '"@class":"'],
  pattern: /^(?:rO0AB[A-Za-z0-9+/]{10,}|aced0005(?:7372|7[0-9a-f]{3})[0-9a-f]{6,}|[oO]:\d{1,3}:\\?"[\w\\]{2,80}\\?":\d{1,3}:\{|a:1:\{[^\n]{0,40}O:\d{1,3}:|!!python\/(?:object|module|name)[\w/:.]{1,80}|!!(?:javax|com\.sun|org\.(?:springframework|apache))[\w.]{4,80}|!{1,2}ruby\/(?:object|hash|struct)[\w:/]{1,60}|gASV[A-Za-z0-9+/]{24,}|_\$\$ND_FUNC\$\$_|AAEAAAD\/{5}[A-Za-z0-9+/]{8,}|\\?"\$type\\?"\s?:\s?\\?"System\.(?:Windows\.Data\.ObjectDataProvider|Diagnostics|Management|Configuration\.Install|Web|IO)[\w., ]{0,80}|c(?:os|posix|subprocess)\n(?:system|popen|Popen|check_output)|__reduce__[^]{0,90}?(?:os\.system|subprocess|eval|exec)|"?@(?:type|class)"\s?:\s?"(?:com\.sun\.rowset|org\.apache\.(?:commons|xalan|tomcat)|com\.mchange|java\.lang\.(?:Class|Runtime)|javax\.)[\w.$]{0,80})/,
  weigh: (before, found) => (/^[oO]:\d/.test(found) && /[A-Za-z]$/.test(before) ? 0 : undefined),
})

export const targets: readonly Matcher[] = [traversal, metadata, scheme, template, entity, objects]
