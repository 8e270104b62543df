/**
 * What a sender should know before sending from a domain: whether receivers will find SPF, DKIM and DMARC in order, whether
 * answers and bounces can come back, and whether the sending address has a name. Everything is looked up and said in plain
 * words; nothing is sent.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Domain from "./internal/domain.ts"
import { Finding, type Findings, type Severity } from "./internal/finding.ts"
import * as Check from "./internal/options.ts"
import { dkimFindings } from "./internal/preflightDkim.ts"
import { dmarcFindings } from "./internal/preflightDmarc.ts"
import { mxFindings } from "./internal/preflightMx.ts"
import { ptrFindings } from "./internal/preflightPtr.ts"
import { spfFindings } from "./internal/preflightSpf.ts"
import type { Resolver } from "./Resolver.ts"

export {
  /**
   * One thing that was found.
   *
   * @category models
   * @since 0.1.0
   */
  Finding,
  /**
   * How much a finding matters: `error`, `warning`, `unknown`, `info` or `ok`.
   *
   * @category models
   * @since 0.1.0
   */
  Severity,
  /**
   * What a finding is about.
   *
   * @category schemas
   * @since 0.1.0
   */
  Subject
} from "./internal/finding.ts"

/**
 * All that was found about a domain; at least one finding for every subject.
 *
 * @category models
 * @since 0.1.0
 */
export class Report extends Schema.Class<Report>("@effect-mail/dns/Report")({
  /** The domain in A-labels and lower case. */
  domain: Schema.String,
  findings: Schema.Array(Finding)
}) {}

/**
 * What to look at beside the domain.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The selector (`s=`) that mail is signed with; without it the DKIM key is not checked. */
  readonly selector?: string | undefined
  /** The IP address that mail is sent from; without it the PTR record is not checked and SPF not evaluated. */
  readonly ip?: string | undefined
}

// A check that cannot go on says so in a finding.
const settled = <R>(check: Effect.Effect<Findings, Finding, R>): Effect.Effect<Findings, never, R> =>
  Effect.catch(check, (finding) => Effect.succeed([finding]))

const readDomain = (input: string): Result.Result<string, Check.InvalidOption> =>
  Result.match(Domain.parse(input), {
    onFailure: ({ hint, reason }) => Check.invalid("domain", reason, hint ?? ""),
    onSuccess: (domain) =>
      domain._tag === "Name"
        ? Result.succeed(domain.text)
        : Check.invalid("domain", "an address literal has no records", "Write the name of a domain")
  })

const readOptions = (input: string, options: Options) =>
  Result.gen(function* () {
    return {
      domain: yield* readDomain(input),
      selector: options.selector === undefined ? undefined : yield* Check.name("selector", options.selector),
      ip: options.ip === undefined ? undefined : yield* Check.address("ip", options.ip)
    }
  })

/**
 * Looks at everything that receivers will look at when mail comes from a domain (DNS-028, SPF-001 to SPF-005, DMARC-001,
 * DMARC-005). What the DNS does not tell is a finding, too. Fails with `InvalidOption` when the domain, the selector or the
 * address is malformed.
 *
 * @category checking
 * @since 0.1.0
 */
export const check = Effect.fnUntraced(function* (
  domain: string,
  options: Options = {}
): Effect.fn.Return<Report, Check.InvalidOption, Resolver> {
  const read = yield* Effect.fromResult(readOptions(domain, options))
  const checks = [
    mxFindings(read.domain),
    spfFindings(read.domain, read.ip),
    dkimFindings(read.domain, read.selector),
    dmarcFindings(read.domain),
    ptrFindings(read.ip)
  ]
  const findings = yield* Effect.forEach(checks, settled, { concurrency: "unbounded" })
  return new Report({ domain: read.domain, findings: findings.flat() })
})

const order: Readonly<Record<Severity, number>> = { error: 0, warning: 1, unknown: 2, info: 3, ok: 4 }

/**
 * The gravest severity of a report.
 *
 * @category getters
 * @since 0.1.0
 */
export const worst = ({ findings }: Report): Severity =>
  findings.reduce<Severity>((worst, { severity }) => (order[severity] < order[worst] ? severity : worst), "ok")
