import { elements, FramingError, type Element } from './ber.ts'

const [INTEGER, OCTETS, ENUMERATED, SEQUENCE, SET, BOOLEAN] = [0x02, 0x04, 0x0a, 0x30, 0x31, 0x01]
const [ENTRY, REFERENCE, CONTROLS] = [0x64, 0x73, 0xa0]
const [APPLICATION, CONTEXT, CLASS] = [0x60, 0x80, 0xe0]

/**
 * Whether a message is built as RFC 4511 section 4 says, every length within the one around it. The client library goes by the lengths as they
 * stand, and reads one that is too long for ever. Throws FramingError.
 */
export function checkMessage(message: Buffer): void {
  const [sequence] = elements(message)
  const [id, operation, controls, ...more] = sequence ? elements(sequence.value) : []
  if (id?.tag !== INTEGER || !operation || (operation.tag & CLASS) !== APPLICATION || more.length > 0) refuse()
  const parts = elements(operation.value)
  if (operation.tag === ENTRY) checkEntry(parts)
  else if (operation.tag === REFERENCE) parts.forEach(({ tag }) => is(tag, OCTETS))
  else {
    const [code, matched, text, ...rest] = parts
    is(code?.tag, ENUMERATED)
    is(matched?.tag, OCTETS)
    is(text?.tag, OCTETS)
    if (rest.some(({ tag }) => (tag & 0xc0) !== CONTEXT || tag === CONTROLS)) refuse()
  }
  if (controls) checkControls(controls)
}

function checkEntry([name, attributes, ...more]: readonly Element[]): void {
  is(name?.tag, OCTETS)
  is(attributes?.tag, SEQUENCE)
  if (!attributes || more.length > 0) refuse()
  for (const attribute of elements(attributes.value)) {
    is(attribute.tag, SEQUENCE)
    const [type, values, ...rest] = elements(attribute.value)
    is(type?.tag, OCTETS)
    is(values?.tag, SET)
    if (!values || rest.length > 0) refuse()
    elements(values.value).forEach(({ tag }) => is(tag, OCTETS))
  }
}

function checkControls({ tag, value }: Element): void {
  is(tag, CONTROLS)
  for (const control of elements(value)) {
    is(control.tag, SEQUENCE)
    const [type, ...rest] = elements(control.value)
    is(type?.tag, OCTETS)
    const order = rest.map((part) => part.tag).join()
    if (!['', `${BOOLEAN}`, `${OCTETS}`, `${BOOLEAN},${OCTETS}`].includes(order)) refuse()
  }
}

function is(tag: number | undefined, wanted: number): void {
  if (tag !== wanted) refuse()
}
function refuse(): never {
  throw new FramingError('a message is not built like one')
}
