// @barrel: every module of this package, in alphabetical order; test/house.test.ts checks it.
export * as Mailbox from "./Mailbox.ts"
export * as MailServer from "./MailServer.ts"
export * as MemoryNetwork from "./MemoryNetwork.ts"
export * as Script from "./Script.ts"
export * as ScriptedServer from "./ScriptedServer.ts"
export * as ServerWire from "./ServerWire.ts"
export * as SpecialAddresses from "./SpecialAddresses.ts"
export * as TestCertificate from "./TestCertificate.ts"
