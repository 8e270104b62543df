/**
 * A tour of effect-mail that needs nothing but this repository: a mail server of our own on a free loopback port, a DNS zone
 * with several domains, and real messages that travel over TCP and STARTTLS to recipients of every kind.
 *
 *     pnpm start
 */
import { NodeDialer } from "@effect-mail/node"
import { Mailbox, MailServer, SpecialAddresses, TestCertificate } from "@effect-mail/testing"
import { NodeFileSystem, NodeSocketServer } from "@effect/platform-node"
import { Clock, Console, Duration, Effect, FileSystem, Layer } from "effect"
import { Backoff, Delivery, DeliveryEvent, Mailer, Message, Policy, Receipt, Router, SmtpSettings, Timeouts } from "effect-mail"
import { Dns, Host } from "effect/net"
import { SocketServer } from "effect/socket"
