/** What a bounce says to people. */
import type * as DeliveryStatus from "../DeliveryStatus.ts"

type Recipients = ReadonlyArray<DeliveryStatus.Recipient>

const headings: Readonly<Record<DeliveryStatus.Action, string>> = {
  failed: "Your message could not be delivered to:",
  delayed:
    "Your message could not be delivered yet, and is still being tried. You need not send it again. It waits for:",
  delivered: "Your message was delivered to:",
  relayed: "Your message was passed on to mail systems that send no reports of success, for:",
  expanded: "Your message was delivered to a list, which passes it on:"
}

const saidOf = ({ diagnostic, remoteMta }: DeliveryStatus.Recipient): string => {
  if (diagnostic === undefined) return ""
  return remoteMta === undefined ? `: ${diagnostic.value}` : `: ${remoteMta.value} said: ${diagnostic.value}`
}

const line = (recipient: DeliveryStatus.Recipient): string =>
  `<${recipient.finalRecipient.value}>${saidOf(recipient)}\r\n`

const section = (action: DeliveryStatus.Action, recipients: Recipients): string => {
  const concerned = recipients.filter((recipient) => recipient.action === action)
  return concerned.length === 0 ? "" : `\r\n${headings[action]}\r\n\r\n${concerned.map(line).join("")}`
}

const actions = ["failed", "delayed", "delivered", "relayed", "expanded"] as const

export const bounceText = (reportingMta: string, recipients: Recipients): string =>
  `This is the mail system of ${reportingMta}.\r\n${actions.map((action) => section(action, recipients)).join("")}`
