#!/usr/bin/env node
/**
 * The entry point of the program.
 *
 * @since 0.1.0
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import * as Cli from "./Cli.ts"

class Exit extends Data.TaggedError("Exit")<{ readonly status: number }> {
  override readonly [Runtime.errorExitCode] = this.status
  override readonly [Runtime.errorReported] = false
}

Cli.run.pipe(
  Effect.flatMap((status) => (status === 0 ? Effect.void : Effect.fail(new Exit({ status })))),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
