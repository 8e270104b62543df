/**
 * Who runs the mail of a domain, told by the names of its MX hosts: thousands of domains share the limits and the habits of
 * one provider.
 *
 * @since 0.1.0
 */
import type { Rule } from "./Rule.ts"

/**
 * A provider of mail: a host belongs to it when its name is one of `hosts` or lies below one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Provider {
  readonly name: string
  readonly hosts: ReadonlyArray<string>
}

/**
 * Gmail and Google Workspace.
 *
 * @category providers
 * @since 0.1.0
 */
export const google: Provider = { name: "google", hosts: ["google.com", "googlemail.com", "smtp.goog"] }

/**
 * Outlook.com and Microsoft 365.
 *
 * @category providers
 * @since 0.1.0
 */
export const microsoft: Provider = { name: "microsoft", hosts: ["protection.outlook.com", "mx.microsoft"] }

/**
 * Yahoo and AOL.
 *
 * @category providers
 * @since 0.1.0
 */
export const yahoo: Provider = { name: "yahoo", hosts: ["yahoodns.net"] }

/**
 * iCloud Mail.
 *
 * @category providers
 * @since 0.1.0
 */
export const apple: Provider = { name: "apple", hosts: ["mail.icloud.com"] }

/**
 * The providers that are known here.
 *
 * @category providers
 * @since 0.1.0
 */
export const all: ReadonlyArray<Provider> = [google, microsoft, yahoo, apple]

/**
 * Rules for what providers say with a permanent code and do not mean so: that our own account with them, as a relay, has sent
 * enough for now. It is no verdict about a message or its recipient, and passes with the day or when somebody has mended it, so
 * nobody's mail should bounce for it. `Policy.relay` has them; `Policy.rule` adds them to any other.
 *
 * @category quirks
 * @since 0.1.0
 */
export const quirks: ReadonlyArray<Rule> = [
  { name: "Google: the account's quota of the day", enhanced: "5.4.5", text: "quota exceeded", verdict: "temp" },
  { name: "Google: the account's limit of the day", enhanced: "5.4.5", text: "limit exceeded", verdict: "temp" },
  {
    name: "Google: the relay's limit of the day",
    enhanced: "5.7.1",
    text: "smtp relay limit exceeded",
    verdict: "temp"
  },
  { name: "Microsoft: the tenant's threshold", enhanced: "5.7.705", text: "exceeded threshold", verdict: "temp" }
]

/**
 * Whether a host belongs to a provider, in upper or lower case and with or without a dot at the end.
 *
 * @category predicates
 * @since 0.1.0
 */
export const owns = (provider: Provider, host: string): boolean => {
  const name = `.${host.toLowerCase().replace(/\.$/, "")}`
  return provider.hosts.some((domain) => name.endsWith(`.${domain}`))
}

/**
 * The known provider that a host belongs to.
 *
 * @category getters
 * @since 0.1.0
 */
export const find = (host: string): Provider | undefined => all.find((provider) => owns(provider, host))
