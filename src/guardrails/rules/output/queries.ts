import type { Matcher } from '../matcher.ts'
import { phrase } from '../phrase.ts'
import { unsafe } from './kind.ts'

// A tool that takes whole statements gets them; a value that breaks out of its quotation marks is another thing.
const STATEMENT = /(?:["']|^|;|\n)\s{0,4}(?:select|insert|update|delete|with|create|alter|explain|merge)\b[^"']{0,110}$/i

const tautology = phrase({
  kind: unsafe('always_true', 'sql_injection', 0.92),
  literals: ['\' or ', '\'or ', '\' || ', '" or ', '") or ', '\') or ', '\' and ', '" and ', '\')) or ', '\' or\'', '\'/**/or', '\'=\''],
  pattern: /^(?:\\?["']\)*(?:\s|\/\*\*\/){0,3}(?:or|and|\|\|)(?:\s|\/\*\*\/|\(){0,3}(?:not\s)?(?:\\?["']?\w{1,12}\\?["']?\s?(?:=|like|<>|<|>)\s?\\?["']?\w{1,12}|1\s?--|sleep\s?\(|exists\s?\()|'='\s?(?:or|and)?')/i,
  weigh(_before, found, after) {
    const same = /["']?(\w{1,12})\\?["']?\s?(?:=|like)\s?\\?["']?\1(?!\w)/i.test(found + after.slice(0, 2))
    const ends = /^\\?["']?\)*\s{0,3}(?:--|#|\/\*|;|$|\\?["'])/.test(after)
    return same ? (ends ? undefined : 0.88) : /sleep|exists|1\s?--/i.test(found) ? undefined : 0
  },
})

const stacked = phrase({
  kind: unsafe('stacked_statement', 'sql_injection', 0.92),
  literals: ['; drop ', ';drop ', '; delete from', ';delete from', '; update ', ';update ', '; insert into', '; truncate ', ';truncate ', '; alter ', '; exec', ';exec', '; shutdown', '; grant ', '; create user', '; waitfor', ';waitfor', '; select pg_sleep', '; declare '],
  pattern: /^;\s{0,2}(?:drop\s+(?:table|database|schema|user|view|index)\b|delete\s+from\s+\w|update\s+\w{1,40}\s+set\b|insert\s+into\s+\w|truncate\s+(?:table\s+)?\w|alter\s+(?:table|user|role|login)\b|exec(?:ute)?(?:\s|\()+(?:xp_|sp_|master|immediate|'|\()|shutdown\b|grant\s+all\b|create\s+user\b|waitfor\s+delay|select\s+pg_sleep|declare\s+@)[^\n]{0,60}/i,
  weigh(before, found, after) {
    const breaks = /["')\d]\s{0,3}$/.test(before) && !STATEMENT.test(before)
    const ends = /--|\/\*|#\s*$/.test(found + after.slice(0, 8))
    return breaks || ends ? undefined : /xp_|waitfor|pg_sleep/i.test(found) ? 0.9 : 0.6
  },
})

const union = phrase({
  kind: unsafe('union_select', 'sql_injection', 0.9),
  literals: ['union select', 'union all select', 'union/**/select', 'union distinct select', 'union%20select', 'union+select', 'uni/**/on', 'order by 1', 'order by 99', 'information_schema', 'into outfile', 'into dumpfile', 'load_file(', 'xp_cmdshell', 'pg_sleep(', 'benchmark(', 'waitfor delay', 'extractvalue(', 'updatexml(', 'dbms_pipe', 'utl_http', 'sqlite_master', 'sleep('],
  pattern: /^(?:union(?:\s|\/\*.{0,12}?\*\/|%20|\+){1,3}(?:all(?:\s|%20|\+)+|distinct\s+)?select\b|uni\/\*\*\/on|order by \d{1,3}\s?(?:--|#)|information_schema\.\w+|into (?:outfile|dumpfile)\s|load_file\s?\(|xp_cmdshell|pg_sleep\s?\(\s?\d|benchmark\s?\(\s?\d{5,}|waitfor\s+delay\s+'|extractvalue\s?\(\s?\d|updatexml\s?\(\s?\d|dbms_pipe\.receive|utl_http\.request|sqlite_master|sleep\s?\(\s?\d{1,3}\s?\)\s?(?:--|#|\)))[^\n]{0,60}/i,
  weigh(before, found) {
    const breaks = /(?:["')]|-?\d)(?:\s|\/\*\*\/|%20|\+|\)){1,4}(?:and|or|;)?\s?$/i.test(before) && !STATEMENT.test(before)
    if (/^(?:xp_cmdshell|into|load_file|waitfor|utl_http|dbms_pipe|extractvalue|updatexml|uni\/)/i.test(found)) return breaks || /xp_cmdshell|outfile|dumpfile/i.test(found) ? undefined : 0.8
    if (/^sleep|^pg_sleep|^benchmark/i.test(found)) return breaks ? undefined : 0.4
    return breaks || /--\s?$|--\s|%20|\/\*\*\/|#\s?$/.test(found) && !STATEMENT.test(before) ? undefined : 0.4
  },
})

const comment = phrase({
  kind: unsafe('cut_statement', 'sql_injection', 0.85),
  literals: ['admin\'--', 'admin\' --', 'admin\'#', 'admin\' #', '\';--', '\'; --', '\' --', '\'--', '")--'],
  pattern: /^(?:admin'\s?(?:--|#)|';?\s?--\s?(?:["',}]|$|-))/i,
  weigh: (before, found) => (/^admin/i.test(found) || /\w$/.test(before) ? undefined : 0.5),
})

export const queries: readonly Matcher[] = [tautology, stacked, union, comment]
