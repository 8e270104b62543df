/**
 * Templates: functions from data to the words of a message, pure or as an Effect (to read a file, to ask a translator, to
 * render components), with a schema for the data, so that wrong data is an error and not a mail to a customer called
 * undefined. There is no template language here: TypeScript is one.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Message from "./Message.ts"

/**
 * The words of a message; what is left out stays as it is in the message.
 *
 * @category models
 * @since 0.1.0
 */
export interface Content {
  readonly subject?: string | undefined
  readonly text?: string | undefined
  readonly html?: string | undefined
}

/**
 * A template for data of type `Data`, given as `Input`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Template<in Input, out E = never, out R = never> {
  /** Checks the data and gives the words. */
  readonly render: (input: Input) => Effect.Effect<Content, E | Schema.SchemaError, R>
}

/**
 * A template of a schema and a function that returns the words or an Effect of them. Rendering fails with `SchemaError` when
 * the data is not as the schema says, and as the Effect does.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <S extends Schema.Constraint, E = never, R = never>(
  data: S,
  render: (data: S["Type"]) => Content | Effect.Effect<Content, E, R>
): Template<S["Encoded"], E, R | S["DecodingServices"]> => {
  const decode = Schema.decodeUnknownEffect(data)
  return {
    render: (input) =>
      Effect.flatMap(decode(input), (value) => {
        const content = render(value)
        return Effect.isEffect(content) ? content : Effect.succeed(content)
      })
  }
}

const setAll = (message: Message.Composed, { html, subject, text }: Content): Message.Composed => {
  let out = message
  if (subject !== undefined) out = Message.subject(out, subject)
  if (text !== undefined) out = Message.text(out, text)
  return html === undefined ? out : Message.html(out, html)
}

/**
 * The message with the words of a template for this data. Fails as the template does.
 *
 * @category combinators
 * @since 0.1.0
 */
export const fill =
  <Input, E, R>(template: Template<Input, E, R>, input: Input) =>
  (message: Message.Composed): Effect.Effect<Message.Composed, E | Schema.SchemaError, R> =>
    Effect.map(template.render(input), (content) => setAll(message, content))

/**
 * The same template with a plain text where it gives HTML alone: what `convert` makes of the HTML, such as `convert` of the package
 * html-to-text does. People and programs that read no HTML see it, and filters like to see it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withText =
  (convert: (html: string) => string) =>
  <Input, E, R>(template: Template<Input, E, R>): Template<Input, E, R> => ({
    render: (input) =>
      Effect.map(template.render(input), (content) =>
        content.html === undefined || content.text !== undefined ? content : { ...content, text: convert(content.html) }
      )
  })

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;"
}

/**
 * Text as HTML shows it, within elements and within quoted attributes.
 *
 * @category encoding
 * @since 0.1.0
 */
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (char) => entities[char] ?? char)

/**
 * HTML that was written on purpose and is not escaped again.
 *
 * @category models
 * @since 0.1.0
 */
export class Html {
  readonly html: string
  constructor(html: string) {
    this.html = html
  }
}

/**
 * What can stand in an `html` literal: text and numbers are escaped, HTML and lists of it are not.
 *
 * @category models
 * @since 0.1.0
 */
export type HtmlValue = string | number | Html | ReadonlyArray<Html>

const isHtmlList = (value: HtmlValue): value is ReadonlyArray<Html> => Array.isArray(value)

const written = (value: HtmlValue): string => {
  if (value instanceof Html) return value.html
  return isHtmlList(value) ? value.map(({ html }) => html).join("") : escapeHtml(String(value))
}

/**
 * A template literal of HTML in which every value is escaped: html`<p>Dear ${name}</p>` is safe whatever the name is. Its
 * `html` property is the text for a message.
 *
 * @category constructors
 * @since 0.1.0
 */
export const html = (strings: TemplateStringsArray, ...values: ReadonlyArray<HtmlValue>): Html =>
  new Html(strings.map((text, i) => (i === 0 ? text : `${written(values[i - 1] ?? "")}${text}`)).join(""))
