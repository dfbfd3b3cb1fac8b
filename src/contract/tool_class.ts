/** What a tool does when it is called. Unknown tools have no class: nothing is assumed of them. */
export type ToolClass = 'read' | 'internal_write' | 'external_send' | 'money' | 'destructive' | 'privilege' | 'code_execution'
