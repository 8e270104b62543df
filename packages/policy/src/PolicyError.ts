/**
 * The mistake in a policy, found where the policy is made and never later: a value of type `Policy` always gives up at
 * some time, never waits a negative time and has only rules that can match.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * A setting that no policy can have. `setting` is the path of the setting, such as `giveUpAfter` or `rules[0]`; `reason`
 * says what is wrong with it and what is allowed.
 *
 * @category errors
 * @since 0.1.0
 */
export class PolicyError extends Schema.TaggedError<PolicyError>("@effect-mail/policy/PolicyError")("PolicyError", {
  setting: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `${this.setting} ${this.reason}`
  }
}
