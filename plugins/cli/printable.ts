// User agents and host names come from strangers: no control character (C0, DEL, C1, and what turns the direction of
// writing) may reach a terminal.
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g
const CONTROL_BUT_NEWLINE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

export const printable = (text: string): string => text.replace(CONTROL, '\ufffd')
export const printableLines = (text: string): string => text.replace(CONTROL_BUT_NEWLINE, '\ufffd')
