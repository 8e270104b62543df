import { Endpoint } from "@effect-mail/protocol"
import {
  FileTransport,
  LmtpTransport,
  LogTransport,
  NodemailerTransport,
  SendmailTransport
} from "@effect-mail/transport"
import nodemailer from "nodemailer"

// The mail program of this machine, which is that of Postfix.
export const local = SendmailTransport.layer({ path: "/usr/sbin/sendmail", dsn: "plain" })

// A mailbox store behind us, with an answer for each recipient.
export const store = LmtpTransport.layer([Endpoint.make({ host: "store.example.com", port: 24 })])

// Files, and a log without names or content.
export const files = FileTransport.layerMaildir("/var/mail/archive", { trace: true })
export const log = LogTransport.layer()

// Whatever was made for nodemailer.
export const bridged = NodemailerTransport.layer(nodemailer.createTransport({ jsonTransport: true }))
