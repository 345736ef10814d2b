import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { TurnQueue } from './turn-queue.ts'

/** Notes who was admitted or refused, in order. */
class Desk {
  readonly told: string[] = []
  readonly queue: TurnQueue
  constructor(limit: number) {
    this.queue = new TurnQueue(limit)
  }
  wait(source: string, name: string): void {
    void this.queue.wait(source).then((admitted) => this.told.push(`${admitted ? '+' : '-'}${name}`))
  }
  async serve(): Promise<readonly string[]> {
    while (this.queue.next());
    await Promise.resolve()
    return this.told
  }
}

test('sources take turns, each one\'s own come in order', async () => {
  const desk = new Desk(10)
  for (const name of ['a1', 'a2', 'a3', 'b1', 'c1', 'b2']) desk.wait(name.slice(0, 1), name)
  assert.equal(await desk.serve(), ['+a1', '+b1', '+c1', '+a2', '+b2', '+a3'])
  assert.is(desk.queue.size, 0)
  assert.not.ok(desk.queue.next())
})
test('G27 when it is full the newest of the most crowded source gives way to a quieter one', async () => {
  const desk = new Desk(4)
  for (const name of ['a1', 'a2', 'a3', 'b1', 'c1']) desk.wait(name.slice(0, 1), name)
  assert.equal(await desk.serve(), ['-a3', '+a1', '+b1', '+c1', '+a2'])
})
test('G27 when it is full a newcomer from the most crowded source, or from one as crowded, is refused', async () => {
  const desk = new Desk(4)
  for (const name of ['a1', 'a2', 'b1', 'b2', 'a3']) desk.wait(name.slice(0, 1), name)
  assert.is(desk.queue.size, 4)
  assert.equal(await desk.serve(), ['-a3', '+a1', '+b1', '+a2', '+b2'])
  const quiet = new Desk(2)
  for (const name of ['a1', 'b1', 'c1']) quiet.wait(name.slice(0, 1), name)
  assert.equal(await quiet.serve(), ['-c1', '+a1', '+b1'])
})
test('a source that is served and comes back queues behind the others', async () => {
  const desk = new Desk(10)
  for (const name of ['a1', 'b1', 'c1']) desk.wait(name.slice(0, 1), name)
  desk.queue.next()
  desk.wait('a', 'a2')
  assert.equal(await desk.serve(), ['+a1', '+b1', '+c1', '+a2'])
})

test.run()
