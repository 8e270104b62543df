/** The letters that are composed, and what a reader finds in them. */
import PostalMime from "postal-mime"

/** A letter as both composers take it. */
export interface Letter {
  readonly from: string
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html: string
}

const paragraph = (word: string): string =>
  `The ${word} fox jumps over the lazy dog, and then it runs away from it.`.padEnd(66, "!")

const of = (subject: string, word: string): Letter => ({
  from: "Ada Lovelace <ada@example.com>",
  to: "Bob <bob@example.net>",
  subject,
  text: `${paragraph(word)}\n`.repeat(22),
  html: `<html><body>\n${`<p>${paragraph(word)}</p>\n`.repeat(38)}</body></html>\n`
})

/** 4.4 kB of ASCII in two alternatives. */
export const ascii: Letter = of("Your order of today", "quick brown")

/** The same with a word in every line that is not ASCII. */
export const umlauts: Letter = of("Ihre Bestellung für heute", "flinke grüne")

const lines = (text: string | undefined): string => (text ?? "").replaceAll("\r\n", "\n").trimEnd()

/** What postal-mime reads in a message. */
export const read = async (bytes: Uint8Array) => {
  const { from, html, subject, text, to } = await PostalMime.parse(bytes)
  return { from, html: lines(html), subject, text: lines(text), to }
}
