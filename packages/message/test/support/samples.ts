/** Messages of all shapes, and what a reader must find in them. */
import * as Message from "@effect-mail/message/Message"

export interface Sample {
  readonly name: string
  readonly subject: string
  readonly from: string
  readonly to: ReadonlyArray<string>
  readonly text: string | undefined
  readonly html: string | undefined
  readonly files: ReadonlyArray<{ readonly name: string; readonly content: string; readonly cid?: string }>
}

const plain: Sample = {
  name: "plain",
  subject: "Hello",
  from: "Ada Lovelace",
  to: ["Bob"],
  text: "Hi there,\n\nbye\n",
  html: undefined,
  files: []
}

const long = "A sentence of some length, to be folded somewhere, ".repeat(8)

export const samples: ReadonlyArray<Sample> = [
  plain,
  { ...plain, name: "empty", subject: "", text: "" },
  { ...plain, name: "umlauts", subject: "Grüße aus Köln", from: "Jürgen Größe", to: ["Zoë"], text: "Schöne Grüße\n" },
  {
    ...plain,
    name: "japanese",
    subject: "日本語の件名".repeat(9),
    from: "山田太郎",
    to: ["鈴木", "佐藤"],
    text: "本文です。\n".repeat(40)
  },
  { ...plain, name: "emoji", subject: "😀".repeat(50), from: "😀 Smile", text: "😀".repeat(300) },
  { ...plain, name: "long subject", subject: `${long}end`, text: long },
  {
    ...plain,
    name: "special names",
    from: 'Lovelace, "Ada" (Dr.) <x@y>',
    to: ["O'Brien; Pat", "a@b", "\\", "J. R. R. T."]
  },
  {
    ...plain,
    name: "look-alikes",
    subject: "=?utf-8?q?x?= =3D _",
    from: "=?utf-8?q?x?=",
    text: "=3D =\n=?utf-8?q?x?=\n"
  },
  { ...plain, name: "hard text", text: ".\n..\nFrom me\n>From me\n--\n--=_x\ntrailing \t\n \nend" },
  { ...plain, name: "hard text, encoded", text: "é\n.\n..\nFrom me\n>From me\n--=_x\ntrailing \t\n \nend" },
  { ...plain, name: "long lines", text: "x".repeat(5000), html: "<p>".repeat(2000) },
  { ...plain, name: "alternatives", html: "<p>Größe &amp; Gewicht</p>\n" },
  { ...plain, name: "html alone", text: undefined, html: "<p>日本</p>" },
  {
    ...plain,
    name: "embedded",
    html: '<img src="cid:a@example.com">',
    files: [{ name: "a.png", content: "\0\x01PNG", cid: "a@example.com" }]
  },
  {
    ...plain,
    name: "everything",
    html: '<img src="cid:a@example.com">é',
    files: [
      { name: "a.png", content: "\0\x01PNG", cid: "a@example.com" },
      { name: "naïve € file.txt", content: "line\nline\r\nline\r" },
      { name: `${"long name ".repeat(12)}.pdf`, content: "x".repeat(200) },
      { name: "quote\"back's;la,sh%41*.bin", content: "" },
      { name: `${"長い名前".repeat(20)}.pdf`, content: "日本" }
    ]
  }
]

export const toMessage = (sample: Sample): Message.Composed =>
  Message.make({
    from: { name: sample.from, address: "from@example.com" },
    to: sample.to.map((name, i) => ({ name, address: `to${i}@example.com` })),
    subject: sample.subject,
    text: sample.text,
    html: sample.html,
    attachments: sample.files.map(({ cid, content, name }) => ({
      name,
      content,
      type: "application/octet-stream",
      ...(cid === undefined ? {} : { cid, disposition: "inline" })
    }))
  })

/** A text as readers give it back: LF line ends, and whether the last line ended is not told. */
export const shown = (text: string | undefined): string => (text ?? "").replace(/\r\n?|\n/g, "\n").replace(/\n*$/, "")
