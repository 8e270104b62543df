/**
 * Rules that rewrite a verdict (CLASS-65): data that names the failures it is about and says what they mean here. The
 * original is kept: code, enhanced status, text and lines stay the server's, and the hint names the rule and the word
 * that was replaced. A rule never touches an `uncertain` failure, because there no server gave a verdict.
 *
 * @since 0.1.0
 */
import * as Failure from "@effect-mail/protocol/Failure"
import * as Schema from "effect/Schema"
import { detailsOf, permanent } from "./internal/verdict.ts"

/**
 * Schema of a rule, to read rules from a configuration. All conditions that are given must hold, and there is at least
 * one.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Rule = Schema.Struct({
  /** What the rule is called where its effect is shown. */
  name: Schema.NonEmptyString,
  /** The reply code. */
  code: Schema.optional(Schema.Int.check(Schema.isBetween({ minimum: 100, maximum: 999 }))),
  /** The enhanced status code or its beginning in whole numbers: `5.7.1`, `5.7` or `5`. */
  enhanced: Schema.optional(Schema.String.check(Schema.isPattern(/^[245](\.\d{1,3}){0,2}$/))),
  /** A part of the reply's text, in upper or lower case. */
  text: Schema.optional(Schema.NonEmptyString),
  /** The server's name, or a domain that it belongs to. */
  host: Schema.optional(Schema.NonEmptyString),
  /** What the failure means. */
  verdict: Schema.Literals(["temp", "perm", "unreachable"])
}).check(
  Schema.makeFilter(
    (rule) =>
      [rule.code, rule.enhanced, rule.text, rule.host].some((condition) => condition !== undefined) ||
      "a rule needs at least one of code, enhanced, text and host"
  )
)

/**
 * A rule that rewrites a verdict.
 *
 * @category models
 * @since 0.1.0
 */
export type Rule = typeof Rule.Type

/**
 * Whether all conditions of a rule hold for a failure.
 *
 * @category predicates
 * @since 0.1.0
 */
export const matches = (rule: Rule, failure: Failure.Failure): boolean =>
  !(failure._tag === "TempFailure" && failure.uncertain) &&
  (rule.code === undefined || rule.code === failure.code) &&
  (rule.enhanced === undefined || isWithin(failure.enhanced, rule.enhanced)) &&
  (rule.text === undefined || says(failure, rule.text.toLowerCase())) &&
  (rule.host === undefined || isHostIn(failure.host, rule.host))

const isWithin = (status: string | undefined, beginning: string): boolean =>
  status !== undefined && `${status}.`.startsWith(`${beginning}.`)

const says = (failure: Failure.Failure, fragment: string): boolean =>
  [failure.reason, failure.lines.join(" ")].some((text) => text.toLowerCase().includes(fragment))

const isHostIn = (host: string | undefined, domain: string): boolean =>
  host !== undefined && `.${host.toLowerCase()}`.endsWith(`.${domain.toLowerCase()}`)

/**
 * The first of the rules that matches a failure.
 *
 * @category getters
 * @since 0.1.0
 */
export const find = (rules: ReadonlyArray<Rule>, failure: Failure.Failure): Rule | undefined =>
  rules.find((rule) => matches(rule, failure))

/**
 * The failure with the verdict of a rule; the same value when that is its verdict already.
 *
 * @category combinators
 * @since 0.1.0
 */
export const rewrite = (rule: Rule, failure: Failure.Failure): Failure.Failure => {
  if (failure._tag === tags[rule.verdict]) return failure
  const hint = `The rule "${rule.name}" made this of a ${failure._tag}`
  if (rule.verdict === "perm") return permanent(failure, hint)
  const make = rule.verdict === "temp" ? Failure.temp : Failure.unreachable
  return make({ ...detailsOf(failure), hint, next: "later" })
}

const tags = { temp: "TempFailure", perm: "PermFailure", unreachable: "Unreachable" } as const

/**
 * The failure with the verdict of the first rule that matches; the same value when none does.
 *
 * @category combinators
 * @since 0.1.0
 */
export const apply = (rules: ReadonlyArray<Rule>, failure: Failure.Failure): Failure.Failure => {
  const rule = find(rules, failure)
  return rule === undefined ? failure : rewrite(rule, failure)
}
