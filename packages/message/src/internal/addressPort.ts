export type { Mailbox } from "@effect-mail/protocol/Address"
export { asciiDomain, key, parse as parseMailbox, toAscii } from "@effect-mail/protocol/Address"
export type { Envelope } from "@effect-mail/protocol/Envelope"
