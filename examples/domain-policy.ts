/**
 * What is different for some recipients, for the hosts of a provider and for messages of a priority, as one value that
 * everything else decides by. Its test plays it through.
 */
import { Backoff, Policy, Provider } from "@effect-mail/policy"

export const policy = Policy.standard.pipe(
  // This domain greylists for a quarter of an hour; asking earlier only annoys it.
  Policy.forDomain("slow.example", Policy.onTemp(Backoff.steps(["16 minutes", "1 hour"]))),
  // Our own subsidiaries: an internal relay that is away is back soon.
  Policy.forDomain((domain) => domain.endsWith(".corp.example"), Policy.onUnreachable(Backoff.relay)),
  // All domains with their mail at this provider share its limits.
  Policy.forProvider(Provider.google, Policy.limits({ rates: [{ limit: 1000, window: "1 hour" }] })),
  // Codes are worthless after ten minutes, wherever they go.
  Policy.forPriority("high", () => Policy.otp)
)
