/**
 * What a server says when the connection opens (RFC 5321 section 4.2): `220`, its name, and words for people. The words
 * mean nothing; that one of them is ESMTP is a hint and no more, EHLO tells.
 *
 * @since 0.1.0
 */
import * as Reply from "./Reply.ts"

/**
 * A server's greeting.
 *
 * @category models
 * @since 0.1.0
 */
export interface Greeting {
  /** The server's name for itself; empty when it gave none. */
  readonly domain: string
  /** Everything it said, in one line, its name included. */
  readonly text: string
  /** Whether it calls itself an ESMTP server. */
  readonly esmtp: boolean
}

const firstWord = (line: string): string => /^[^ \t]*/.exec(line.trimStart())?.[0] ?? ""

const looksLikeHost = (word: string): boolean => /^\[[^\]]+\]$|^[a-z0-9-]+(\.[a-z0-9-]+)+$/i.test(word)

/**
 * Reads a 220 greeting of one or more lines. The name is the first word of the first line that begins with a host name
 * or an address literal, else the very first word (SMTP-017, V-016).
 *
 * @category decoding
 * @since 0.1.0
 */
export const fromReply = (reply: Reply.Reply): Greeting => {
  const firstWords = reply.lines.map(firstWord)
  const text = Reply.text(reply)
  return {
    domain: firstWords.find(looksLikeHost) ?? firstWords[0] ?? "",
    text,
    esmtp: /\bESMTP/i.test(text)
  }
}

/**
 * The greeting of a server: its name, the word ESMTP, and what it wants to say. The text must have no line ends;
 * `Reply.format` refuses it otherwise.
 *
 * @category encoding
 * @since 0.1.0
 */
export const toReply = (domain: string, text = ""): Reply.Reply => Reply.make(220, `${domain} ESMTP ${text}`.trimEnd())
