/**
 * Who runs the mail of a domain, told by the names of its MX hosts: thousands of domains share the limits and the habits of
 * one provider.
 *
 * @since 0.1.0
 */

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
