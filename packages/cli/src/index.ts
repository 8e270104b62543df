// @barrel: every module of this package, in alphabetical order; test/house.test.ts checks it.
export * as CheckCommand from "./CheckCommand.ts"
export * as Cli from "./Cli.ts"
export * as CliError from "./CliError.ts"
export * as ExitStatus from "./ExitStatus.ts"
export * as Report from "./Report.ts"
export * as RouteCommand from "./RouteCommand.ts"
export * as SendCommand from "./SendCommand.ts"
export * as SimulateCommand from "./SimulateCommand.ts"
