import * as CheckCommand from "@effect-mail/cli/CheckCommand"
import * as RouteCommand from "@effect-mail/cli/RouteCommand"
import * as Preflight from "@effect-mail/dns/Preflight"
import * as Route from "@effect-mail/dns/Route"
import * as Failure from "@effect-mail/protocol/Failure"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"

const found = Result.succeed(
  Route.make({
    domain: "example.com",
    hosts: [
      { name: "mx1.example.com", preference: 10, addresses: ["2001:db8::1", "192.0.2.1"] },
      { name: "mx2.example.com", preference: 20, addresses: ["192.0.2.2"] }
    ],
    notes: ["something to know"]
  })
)

const perm = Result.fail(
  Failure.perm({
    stage: "route",
    scope: "domain",
    next: "never",
    enhanced: "5.1.2",
    reason: "no such domain",
    hint: "Look"
  })
)

const unreachable = Result.fail(
  Failure.unreachable({ stage: "route", scope: "domain", next: "later", enhanced: "4.4.3", reason: "nothing is known" })
)

describe("effect-mail route", () => {
  it("has one line of JSON with all fields for a domain, hosts in the order to try", () => {
    assert.strictEqual(
      RouteCommand.json("Example.com", found),
      '{"domain":"Example.com","outcome":"route","reason":null,"enhanced":null,"hosts":[' +
        '{"host":"mx1.example.com","preference":10,"addresses":["2001:db8::1","192.0.2.1"]},' +
        '{"host":"mx2.example.com","preference":20,"addresses":["192.0.2.2"]}]}'
    )
    assert.strictEqual(
      RouteCommand.json("a.example", perm),
      '{"domain":"a.example","outcome":"perm","reason":"no such domain","enhanced":"5.1.2","hosts":[]}'
    )
    assert.strictEqual(
      RouteCommand.json("a.example", unreachable),
      '{"domain":"a.example","outcome":"unreachable","reason":"nothing is known","enhanced":"4.4.3","hosts":[]}'
    )
  })

  it("has readable lines for people, with what is remarkable and how to mend it", () => {
    assert.strictEqual(
      RouteCommand.text("example.com", found),
      "example.com:\n  10 mx1.example.com 2001:db8::1 192.0.2.1\n  20 mx2.example.com 192.0.2.2\n  note: something to know"
    )
    assert.strictEqual(RouteCommand.text("a.example", perm), "a.example: no route: no such domain. Look (5.1.2)")
    assert.strictEqual(
      RouteCommand.text("a.example", unreachable),
      "a.example: no route for now: nothing is known (4.4.3)"
    )
  })
})

it("effect-mail check has one line of JSON with the gravest severity, or one line per finding for people", () => {
  const report = new Preflight.Report({
    domain: "example.com",
    findings: [
      new Preflight.Finding({ subject: "mx", severity: "ok", text: "Good." }),
      new Preflight.Finding({ subject: "spf", severity: "error", text: "Bad." })
    ]
  })
  assert.strictEqual(
    CheckCommand.json(report),
    '{"domain":"example.com","worst":"error","findings":[{"subject":"mx","severity":"ok","text":"Good."},' +
      '{"subject":"spf","severity":"error","text":"Bad."}]}'
  )
  assert.strictEqual(CheckCommand.text(report), "example.com:\n  ok      mx: Good.\n  ERROR   spf: Bad.")
})
