/**
 * The failures of routing, one for each row of the classification table (CLASS-03 to CLASS-12). Reasons are one
 * sentence; hints say how to mend it.
 */
import * as Failure from "@effect-mail/protocol/Failure"
import type { Problem } from "./hosts.ts"

const perm = (enhanced: string, reason: string, hint: string): Failure.PermFailure =>
  Failure.perm({ stage: "route", scope: "domain", next: "never", enhanced, reason, hint })

const unreachable = (enhanced: string, reason: string, hint: string): Failure.Unreachable =>
  Failure.unreachable({ stage: "route", scope: "domain", next: "later", enhanced, reason, hint })

const checkDns = "Check the DNS of this machine, then that of the domain"

const askThePostmaster = "The owner of the domain must mend its DNS records"

/** CLASS-03: there is no such name, or nothing about it can be found at all. */
export const noSuchDomain = (domain: string, why: string): Failure.PermFailure =>
  perm("5.1.2", `the domain ${domain} ${why}`, "Check the spelling of the domain")

/** CLASS-03, when one answer is not enough. */
export const notConfirmed = (domain: string): Failure.Unreachable =>
  unreachable(
    "4.4.4",
    `the domain ${domain} does not exist, which counts only when the DNS says so again later`,
    "Check the spelling of the domain; a new domain may take a while to be known everywhere"
  )

/** CLASS-05: the name exists, but nothing in it can take mail. */
export const noMailServer = (domain: string): Failure.PermFailure =>
  perm("5.4.4", `the domain ${domain} exists, but has neither a mail server (MX) nor an address`, askThePostmaster)

/** CLASS-06: nothing is known. */
export const unknown = (domain: string, why: string): Failure.Unreachable =>
  unreachable("4.4.3", `the mail servers of ${domain} could not be looked up: ${why}`, checkDns)

/** CLASS-07: the owner of the domain says that it takes no mail (RFC 7505). */
export const nullMx = (domain: string): Failure.PermFailure =>
  perm("5.1.10", `the domain ${domain} says that it accepts no mail (null MX)`, "Write to another address")

/** CLASS-09, CLASS-10: no host is left, and trouble may be the reason. */
export const noHostNow = (domain: string, whys: string): Failure.Unreachable =>
  unreachable("4.4.4", `no mail server of ${domain} could be found for now: ${whys}`, checkDns)

/** CLASS-10: no host is left, and that is certain. */
export const noHost = (domain: string, whys: string): Failure.PermFailure =>
  perm("5.4.4", `no mail server of ${domain} can be found: ${whys}`, askThePostmaster)

/** CLASS-11: we are the best mail server of the domain ourselves. */
export const loop = (domain: string): Failure.PermFailure =>
  perm(
    "5.4.6",
    `mail for ${domain} would come back to this server, which is its most preferred mail server`,
    "Accept the domain here, or correct selfNames and selfAddresses"
  )

/** CLASS-12: the hosts have addresses, and none that may be used. */
export const refused = (domain: string, whys: string): Failure.PermFailure =>
  perm(
    "5.4.4",
    `no mail server of ${domain} has an address that may be used: ${whys}`,
    'For servers of your own network set privateAddresses to "allow"; for one address family see the option family'
  )

/** No host of the configured relay can be found: our own trouble, never the recipient's (as CLASS-32). */
export const noRelay = (whys: string): Failure.Unreachable =>
  Failure.unreachable({
    stage: "route",
    scope: "relay",
    next: "later",
    enhanced: "4.4.4",
    reason: `no host of the relay could be found: ${whys}`,
    hint: "Check the names of the relay's hosts and the DNS of this machine"
  })

/** The table has no row for the domain. */
export const notInTable = (domain: string): Failure.PermFailure =>
  perm("5.4.4", `the table of routes has no row for ${domain}`, "Add the domain, or a row named * for all others")

const shown = 3

/** Joins what there is to say about each of many things; a long list is cut, since a stranger may have made it. */
export const listed = (items: ReadonlyArray<string>): string =>
  items.length <= shown ? items.join(", ") : `${items.slice(0, shown).join(", ")} and ${items.length - shown} more`

/** What was wrong with hosts, as in `mx1.example.com does not exist, mx2.example.com (10.0.0.1 is private)`. */
export const whys = (problems: ReadonlyArray<Problem>): string =>
  listed(
    problems.map(({ cause, name, why }) =>
      cause === "absent" || cause === "repeated" ? `${name} ${why}` : `${name} (${why})`
    )
  )
