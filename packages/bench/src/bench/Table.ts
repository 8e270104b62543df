/** Results for people and for programs. */
import * as Promises from "./Promises.ts"
import type { Outcome, Standing } from "./Race.ts"
import type { Gauge, Scenario } from "./Scenario.ts"

const rounded = (value: number, digits: number): number => Number(value.toPrecision(digits))

/** One line of JSON for each implementation. */
export const json = (group: string, scenario: Scenario, standings: ReadonlyArray<Standing>): ReadonlyArray<string> =>
  standings.map(({ cpuMicrosPerItem, implementation, peakRssMiB, perSecond, rounds, spread, version }) =>
    JSON.stringify({
      scenario: `${group}/${scenario.name}`,
      implementation,
      version,
      perSecond: rounded(perSecond, 6),
      cpuMicrosPerItem: rounded(cpuMicrosPerItem, 4),
      peakRssMiB: Math.round(peakRssMiB),
      rounds,
      spread: rounded(spread, 3)
    })
  )

const percent = (share: number): string => `${Math.round(share * 100)} %`

const heads = ["ratio", "implementation", "per second", "best", "spread", "CPU µs/item", "peak RSS", "GC"]

const cells = (standing: Standing, ours: Standing | undefined): ReadonlyArray<string> => [
  Promises.shown(standing.perSecond / (ours?.perSecond ?? standing.perSecond)),
  `${standing.implementation} ${standing.version}`,
  Promises.shown(standing.perSecond),
  Promises.shown(standing.best),
  percent(standing.spread),
  String(rounded(standing.cpuMicrosPerItem, 3)),
  `${Math.round(standing.peakRssMiB)} MiB`,
  percent(standing.gcShare)
]

const isText = (column: number): boolean => column === 1

const row = (cells: ReadonlyArray<string>, widths: ReadonlyArray<number>): string =>
  cells
    .map((cell, i) => (isText(i) ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
    .join("  ")
    .trimEnd()

const gaugeText = ({ name, unit, value }: Gauge): string => `${name} ${rounded(value, 3)} ${unit}`

const gaugeLines = (standings: ReadonlyArray<Standing>): ReadonlyArray<string> =>
  standings.flatMap(({ gauges, implementation }) => gauges.map((gauge) => `  ${implementation}: ${gaugeText(gauge)}`))

const promiseLines = (scenario: Scenario, standings: ReadonlyArray<Standing>): ReadonlyArray<string> =>
  Promises.verdicts(scenario, standings).map(
    ({ found, promise, verdict }) => `  promised: ${promise}; found ${found}: ${verdict}`
  )

/** A scenario as a table: ratios to ours first, the fastest on top. */
export const table = (group: string, scenario: Scenario, { note, standings }: Outcome): string => {
  const [ours] = standings
  const sorted = standings.toSorted((a, b) => b.perSecond - a.perSecond)
  const rows = [heads, ...sorted.map((standing) => cells(standing, ours))]
  const widths = heads.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)))
  return [
    `${group}/${scenario.name}: ${scenario.title} (${scenario.unit})`,
    ...rows.map((cells) => `  ${row(cells, widths)}`),
    ...gaugeLines(standings),
    ...promiseLines(scenario, standings),
    ...(note === undefined ? [] : [`  ${note}`]),
    ""
  ].join("\n")
}
