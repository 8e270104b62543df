/** A scenario as a picture: a bar for each implementation, ours in colour, from the worst round to the best a thin line. */
import type { Standing } from "./Race.ts"
import type { Scenario } from "./Scenario.ts"

const width = 720
const labelWidth = 250
const barWidth = 320
const rowHeight = 26
const top = 56

const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)

const shown = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString("en-US") : String(Number(value.toPrecision(3)))

const style = `
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600; font-size: 15px }
  .small { font-size: 11px; fill: #57606a }
  .bar { fill: #afb8c1 }
  .ours { fill: #6639ba }
  .range { stroke: #57606a; stroke-width: 1 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .small { fill: #8d96a0 }
    .bar { fill: #484f58 }
    .ours { fill: #a371f7 }
    .range { stroke: #8d96a0 }
  }`

const row = (standing: Standing, ours: Standing, longest: number, index: number): string => {
  const x = (value: number): string => (labelWidth + (barWidth * value) / longest).toFixed(1)
  const y = top + index * rowHeight
  const worst = Math.max(0, standing.best - standing.spread * standing.perSecond)
  const middle = y + rowHeight / 2 - 3
  const ratio = standing === ours ? "" : ` · ${shown(standing.perSecond / ours.perSecond)} ×`
  return [
    `  <text x="${labelWidth - 10}" y="${y + 14}" text-anchor="end">${escaped(standing.implementation)}</text>`,
    `  <rect class="${standing === ours ? "bar ours" : "bar"}" x="${labelWidth}" y="${y}" width="${((barWidth * standing.perSecond) / longest).toFixed(1)}" height="${rowHeight - 6}" rx="2"/>`,
    `  <line class="range" x1="${x(worst)}" x2="${x(standing.best)}" y1="${middle}" y2="${middle}"/>`,
    `  <text x="${Number(x(Math.max(standing.best, standing.perSecond))) + 8}" y="${y + 14}">${shown(standing.perSecond)}${ratio}</text>`
  ].join("\n")
}

/** The chart of a scenario; `caption` says where and when it was measured. */
export const chart = (
  group: string,
  scenario: Scenario,
  standings: ReadonlyArray<Standing>,
  caption: string
): string => {
  const [ours] = standings
  if (ours === undefined) return ""
  const sorted = standings.toSorted((a, b) => b.perSecond - a.perSecond)
  const longest = Math.max(...standings.map(({ best, perSecond }) => Math.max(best, perSecond)))
  const height = top + sorted.length * rowHeight + 24
  const title = `${group}/${scenario.name}: ${scenario.unit} per second`
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `  <title>${escaped(`${title}, ${scenario.title}`)}</title>`,
    `  <style>${style}\n  </style>`,
    `  <text class="title" x="10" y="22">${escaped(title)}</text>`,
    `  <text class="small" x="10" y="40">${escaped(scenario.title)}</text>`,
    ...sorted.map((standing, index) => row(standing, ours, longest, index)),
    `  <text class="small" x="10" y="${height - 8}">${escaped(caption)}</text>`,
    "</svg>"
  ].join("\n")}\n`
}
