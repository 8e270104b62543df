/** An invitation: a calendar object stands beside text and HTML, and calendars show it with buttons to answer (RFC 6047). */
import { Console, Effect } from "effect"
import { Message, Render } from "effect-mail"

const meeting = (method: Message.CalendarMethod) => ({
  method,
  content: [
    "BEGIN:VCALENDAR",
    "PRODID:-//example.com//tour//EN",
    "VERSION:2.0",
    `METHOD:${method}`,
    "BEGIN:VEVENT",
    "UID:engine-1@example.com",
    "DTSTAMP:20300101T090000Z",
    "DTSTART:20300110T150000Z",
    "DTEND:20300110T160000Z",
    "SUMMARY:The engine",
    "ORGANIZER:mailto:ada@example.com",
    "ATTENDEE;RSVP=TRUE:mailto:bob@example.net",
    "END:VEVENT",
    "END:VCALENDAR",
    ""
  ].join("\n")
})

const invitation = Message.make({
  from: "ada@example.com",
  to: "bob@example.net",
  subject: "The engine",
  text: "10 January 2030, 15:00 UTC\n",
  html: "<p>10 January 2030, 15:00 UTC</p>"
})

const program = Effect.gen(function* () {
  const { body } = yield* Render.render(Message.calendar(invitation, meeting("REQUEST")))
  const lines = new TextDecoder().decode(body.bytes).split("\r\n")
  for (const line of lines) if (/^(?:Content-Type|METHOD)/.test(line)) yield* Console.log(line)
  // A part that says CANCEL around an object that says REQUEST would do anything, depending on the reader.
  const mixed = { ...meeting("REQUEST"), method: "CANCEL" } as const
  const refused = yield* Effect.flip(Render.render(Message.calendar(invitation, mixed)))
  yield* Console.log(refused.message)
})

await Effect.runPromise(program)
