/**
 * The two times in the life of a message that is not delivered: when its sender is warned and when it is given up. They are
 * pure functions of the policy and the beginning of the lifetime, so a queue stores only how many warnings it has sent.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type { Policy } from "./Policy.ts"

/**
 * When the lifetime ends, in milliseconds since the epoch; `since` is when it began.
 *
 * @category getters
 * @since 0.1.0
 */
export const giveUpAt = (policy: Policy, since: number): number => since + Duration.toMillis(policy.giveUpAfter)

/**
 * When warnings are due, in milliseconds since the epoch and in order. A warning that would come when the lifetime ends or
 * later never comes, because then the end itself is told.
 *
 * @category getters
 * @since 0.1.0
 */
export const warnAt = (policy: Policy, since: number): ReadonlyArray<number> =>
  policy.warnAfter.map((after) => since + Duration.toMillis(after)).filter((at) => at < giveUpAt(policy, since))

/**
 * How many warnings are due at `now`. Whoever has sent fewer sends one, however many it has missed: nobody wants two
 * warnings at once.
 *
 * @category getters
 * @since 0.1.0
 */
export const warningsDue = (policy: Policy, since: number, now: number): number =>
  warnAt(policy, since).filter((at) => at <= now).length
