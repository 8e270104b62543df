/** What a run leaves behind: charts, and the tables of the README between their marks. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as Chart from "./Chart.ts"
import * as Promises from "./Promises.ts"
import type { Outcome, Standing } from "./Race.ts"
import type { Scenario } from "./Scenario.ts"

/** A scenario and what came out of it. */
export interface Result {
  readonly scenario: Scenario
  readonly outcome: Outcome
}

const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url))

const fileOf = (group: string, { name }: Scenario): string =>
  `charts/${group}-${name.replaceAll("/", "-").replace(/[^a-zA-Z0-9-]/g, "")}.svg`

const { shown: number } = Promises

const promised = ({ outcome: { standings }, scenario }: Result): string =>
  Promises.verdicts(scenario, standings)
    .map(({ found, promise, verdict }) => `${promise}: ${found}, ${verdict === "missed" ? "**missed**" : verdict}`)
    .join("; ")

const peer = ({ implementation, perSecond, version }: Standing, ours: Standing): string =>
  `${implementation}${/^\d/.test(version) ? ` ${version}` : ""} ${number(perSecond)} (${number(perSecond / ours.perSecond)} ×)`

const row = (group: string, result: Result): string => {
  const { outcome, scenario } = result
  const { standings } = outcome
  const [ours, ...peers] = standings
  if (ours === undefined) return ""
  const name = `[${scenario.name}](${fileOf(group, scenario)}): ${scenario.title}`
  const cost = `${Number(ours.cpuMicrosPerItem.toPrecision(3))} µs, ${Math.round(ours.peakRssMiB)} MiB`
  const others = peers.toSorted((a, b) => b.perSecond - a.perSecond).map((standing) => peer(standing, ours))
  return `| ${name} (${scenario.unit}) | ${number(ours.perSecond)} | ${cost} | ${others.join("; ")} | ${promised(result)} |`
}

/** The table of a group in Markdown, for between its marks. */
export const table = (group: string, results: ReadonlyArray<Result>, caption: string): string =>
  [
    caption,
    "",
    "| Scenario | effect-mail | CPU for one, peak memory | peers, and their rate as a multiple of ours | promised, and found |",
    "| --- | --- | --- | --- | --- |",
    ...results.map((result) => row(group, result))
  ].join("\n")

/** The text with another part between the marks of a group; the same text when it has no such marks. */
export const replaced = (text: string, group: string, part: string): string => {
  const [begin, end] = [`<!-- results: ${group} -->`, `<!-- end of results: ${group} -->`]
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  return from < 0 || to < from ? text : `${text.slice(0, from + begin.length)}\n\n${part}\n\n${text.slice(to)}`
}

/** Writes the charts of a group and its table. */
export const write = (group: string, results: ReadonlyArray<Result>, caption: string): void => {
  mkdirSync(path("charts"), { recursive: true })
  for (const { outcome, scenario } of results) {
    writeFileSync(path(fileOf(group, scenario)), Chart.chart(group, scenario, outcome.standings, caption))
  }
  const readme = path("README.md")
  writeFileSync(readme, replaced(readFileSync(readme, "utf8"), group, table(group, results, caption)))
}
