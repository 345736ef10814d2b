import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ownTicket } from './own-ticket.ts'
import { writeTicket } from './ticket.ts'

test('a ticket is found alone and in a chain, and that of others is not taken for one', () => {
  const text = writeTicket({ classes: [Buffer.from([0, 255])], server: 'a', user: 'bob' })
  const [alone, chained] = [ownTicket(text), ownTicket(JSON.stringify({ radius: text, saml: 'x' }))]
  assert.equal([alone?.user, chained?.user], ['bob', 'bob'])
  assert.equal(chained?.classes, [Buffer.from([0, 255])])
  assert.equal([undefined, '', 'text', '{', '{"saml":"x"}', '{"radius":2}', '{"radius":"x"}'].map(ownTicket), Array(7).fill(undefined))
})

test.run()
