// @barrel: everything a newcomer needs, from one import; test/house.test.ts checks it.
export * from "@effect-mail/delivery"
export * from "@effect-mail/dns"
export * from "@effect-mail/message"
export * from "@effect-mail/policy"
export * from "@effect-mail/protocol"
export * from "@effect-mail/transport"
export * as Mailer from "./Mailer.ts"
export * as Notice from "./Notice.ts"
