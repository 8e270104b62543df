/**
 * Reports of `Simulation` as pictures: a few lines for a terminal, or an SVG in which several policies lie on top of each
 * other. Pure text; nothing in a picture depends on a font or a colour of the reader.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type { Report } from "./Simulation.ts"

/**
 * A report and what to call it, such as the name of its policy.
 *
 * @category models
 * @since 0.1.0
 */
export interface Entry {
  readonly name: string
  readonly report: Report
}

// The delays that the pictures tell apart, in milliseconds.
const steps: ReadonlyArray<readonly [label: string, millis: number]> = [
  ["1 s", 1000],
  ["1 min", 60_000],
  ["5 min", 300_000],
  ["15 min", 900_000],
  ["1 h", 3_600_000],
  ["4 h", 14_400_000],
  ["12 h", 43_200_000],
  ["1 d", 86_400_000],
  ["5 d", 432_000_000]
]

const delays = (report: Report): ReadonlyArray<number> =>
  report.messages.flatMap(({ end, endedAt, sentAt }) =>
    end === "delivered" && endedAt !== undefined ? [endedAt - sentAt] : []
  )

/**
 * A chart for a terminal: how many messages were delivered by when, one bar for each step, and the attempts over time as
 * one line of blocks. At most 72 columns.
 *
 * @category formatting
 * @since 0.1.0
 */
export const text = ({ name, report }: Entry): string => {
  const bars = steps.map(([label, millis]) => bar(label, deliveredWithin(report, millis), report))
  const { load, sla } = report
  const end = duration(load.bin * load.attempts.length)
  return [
    `${name} against ${report.world}, ${report.messages.length} messages, seed ${report.seed}`,
    `delivered within`,
    ...bars,
    `${report.delivered} delivered, ${report.failed} failed, ${report.pending + report.held} pending, ${summary(report)}`,
    `${sla.kept} within ${duration(sla.within)}; ${report.duplicates} duplicates; held back ${report.heldBack} times`,
    `load: ${report.attempts} attempts in ${end}, ${load.peak} in the busiest ${duration(load.bin)}`,
    sparkline(load.attempts)
  ].join("\n")
}

const width = 40

const bar = (label: string, count: number, report: Report): string => {
  const share = count / report.messages.length
  const filled = Math.round(share * width)
  return `${label.padStart(7)} ${"█".repeat(filled)}${"·".repeat(width - filled)}${percent(count, report).padStart(8)}`
}

const summary = ({ attempts, delay, messages }: Report): string => {
  const each = `${(attempts / messages.length).toFixed(1)} attempts each`
  if (delay === undefined) return each
  return `${each}, p50 ${duration(delay.p50)}, p99 ${duration(delay.p99)}`
}

const blocks = "▁▂▃▄▅▆▇█"

const columns = 72

const sparkline = (counts: ReadonlyArray<number>): string => {
  const shown = squeeze(counts, columns)
  const peak = Math.max(1, ...shown)
  return shown
    .map((count) => (count === 0 ? " " : (blocks[Math.ceil((count / peak) * 8) - 1] ?? "█")))
    .join("")
    .trimEnd()
}

// No more than this number of sums of neighbours.
const squeeze = (counts: ReadonlyArray<number>, most: number): ReadonlyArray<number> => {
  const size = Math.ceil(counts.length / most)
  return Array.from({ length: Math.ceil(counts.length / size) }, (_, index) =>
    counts.slice(index * size, (index + 1) * size).reduce((sum, count) => sum + count, 0)
  )
}

// The two largest units are enough to read.
const duration = (millis: number): string =>
  Duration.format(Duration.millis(millis < 1000 ? millis : Math.round(millis / 1000) * 1000))
    .split(" ")
    .slice(0, 2)
    .join(" ")

/**
 * Several policies side by side, one column for each: how much was delivered by when, what became of the rest, and what the
 * destination had to bear. For a terminal.
 *
 * @category formatting
 * @since 0.1.0
 */
export const table = (entries: ReadonlyArray<Entry>): string => {
  const row = (label: string, cell: (report: Report) => string) => [label, ...entries.map(({ report }) => cell(report))]
  const rows = [
    ["", ...entries.map(({ name }) => name)],
    ...steps.map(([label, millis]) =>
      row(`within ${label}`, (report) => percent(deliveredWithin(report, millis), report))
    ),
    row("delivered", ({ delivered }) => `${delivered}`),
    row("failed", ({ failed }) => `${failed}`),
    row("pending", ({ held, pending }) => `${pending + held}`),
    row("p50", ({ delay }) => (delay === undefined ? "-" : duration(delay.p50))),
    row("p99", ({ delay }) => (delay === undefined ? "-" : duration(delay.p99))),
    row("attempts", ({ attempts }) => `${attempts}`),
    row("held back", ({ heldBack }) => `${heldBack}`),
    row("busiest minute", (report) => rate(mostPerMinute([{ name: "", report }])))
  ]
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0))) ?? []
  return rows
    .map((cells) =>
      cells
        .map((cell, column) => pad(cell, widths[column] ?? 0, column))
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}

const pad = (cell: string, width: number, column: number): string =>
  column === 0 ? cell.padEnd(width) : cell.padStart(width)

const deliveredWithin = (report: Report, millis: number): number =>
  delays(report).filter((delay) => delay <= millis).length

const percent = (count: number, { messages }: Report): string => `${((count / messages.length) * 100).toFixed(1)} %`

const plot = { left: 60, top: 40, width: 680, height: 220, gap: 70 }

const colours = ["#1b6ca8", "#c8553d", "#3d8b37", "#7b4fa3", "#b58900", "#444444"]

/**
 * An SVG picture: above, the share of the messages that is delivered after each delay, from 1 second to 5 days on a
 * logarithmic axis; below, the attempts per minute over time. One colour for each entry.
 *
 * @category formatting
 * @since 0.1.0
 */
export const svg = (entries: ReadonlyArray<Entry>): string => {
  const bottom = plot.top + plot.height
  const world = entries[0]?.report.world ?? ""
  const height = bottom + plot.gap + plot.height + 50
  const legend = entries.map(({ name }, index) => label(plot.left + index * 130, 20, name, colour(index)))
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 ${height}" font-family="sans-serif" font-size="12">`,
    `<title>${escape(`${entries.map(({ name }) => name).join(", ")} against ${world}`)}</title>`,
    `<rect width="800" height="${height}" fill="#ffffff"/>`,
    ...legend,
    ...frame(plot.top, "delivered, by delay"),
    ...steps.map(([name, millis]) => label(delayX(millis) - 14, bottom + 16, name, "#444444")),
    ...entries.map(({ report }, index) => line(deliveries(report), colour(index))),
    ...frame(bottom + plot.gap, `attempts per minute, by time; the busiest ${rate(mostPerMinute(entries))}`),
    ...loads(entries, bottom + plot.gap),
    `</svg>\n`
  ].join("\n")
}

type Point = readonly [x: number, y: number]

const colour = (index: number): string => colours[index % colours.length] ?? "#000000"

const escape = (value: string): string =>
  value.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;")

const label = (x: number, y: number, value: string, fill: string): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" fill="${fill}">${escape(value)}</text>`

const frame = (top: number, title: string): ReadonlyArray<string> => [
  `<rect x="${plot.left}" y="${top}" width="${plot.width}" height="${plot.height}" fill="none" stroke="#999999"/>`,
  label(plot.left + 6, top + 16, title, "#444444")
]

const line = (points: ReadonlyArray<Point>, stroke: string): string => {
  const path = points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ")
  return `<polyline fill="none" stroke="${stroke}" stroke-width="2" points="${path}"/>`
}

const [first, last] = [1000, 432_000_000]

const delayX = (millis: number): number => {
  const share = Math.log(Math.min(Math.max(millis, first), last) / first) / Math.log(last / first)
  return plot.left + share * plot.width
}

// One point for each of 100 delays, evenly spread over the axis.
const deliveries = (report: Report): ReadonlyArray<Point> => {
  const all = delays(report)
  return Array.from({ length: 101 }, (_, index) => {
    const delay = first * (last / first) ** (index / 100)
    const share = all.filter((one) => one <= delay).length / report.messages.length
    return [delayX(delay), plot.top + plot.height * (1 - share)]
  })
}

const perMinute = ({ load }: Report): ReadonlyArray<number> => load.attempts.map((count) => (count * 60_000) / load.bin)

const mostPerMinute = (entries: ReadonlyArray<Entry>): number =>
  entries.flatMap(({ report }) => perMinute(report)).reduce((most, some) => Math.max(most, some), 0)

const rate = (value: number): string => (value >= 10 ? value.toFixed(0) : value.toFixed(1))

const loads = (entries: ReadonlyArray<Entry>, top: number): ReadonlyArray<string> => {
  const end = Math.max(...entries.map(({ report: { load } }) => load.bin * load.attempts.length))
  const most = Math.max(1, mostPerMinute(entries))
  const lines = entries.map(({ report }, index) =>
    line(
      perMinute(report).map((count, bin): Point => {
        const share = ((bin + 0.5) * report.load.bin) / end
        return [plot.left + plot.width * share, top + plot.height * (1 - count / most)]
      }),
      colour(index)
    )
  )
  return [...lines, label(plot.left, top + plot.height + 16, `0 to ${duration(end)}`, "#444444")]
}
