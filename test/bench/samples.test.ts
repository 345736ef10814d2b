import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryKb, processTree } from './processes.ts'
import { Samples } from './samples.ts'

test('figures are kept apart by side and name', () => {
  const samples = new Samples<'up' | 'down'>()
  for (const value of [3, 1, 2]) samples.add('postern', 'up', value)
  samples.add('ocserv', 'up', 9)
  samples.add('postern', 'down', 5)
  assert.equal(samples.both('up'), {
    postern: { median: 2, min: 1, max: 3, samples: [3, 1, 2] },
    ocserv: { median: 9, min: 9, max: 9, samples: [9] },
  })
  assert.is(samples.of('postern', 'down').median, 5)
  assert.ok(Number.isNaN(samples.of('ocserv', 'down').median))
})

test('memory counts a process and all its descendants', async () => {
  const child = spawn('sh', ['-c', 'sleep 30 & echo $!; wait'], { stdio: ['ignore', 'pipe', 'ignore'] })
  try {
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const grandchild = Number(line.toString())
    const tree = processTree(process.pid)
    assert.ok(tree.includes(child.pid ?? 0))
    assert.ok(tree.includes(grandchild))
    const [all, shell, sleeper] = [memoryKb(process.pid), memoryKb(child.pid ?? 0), memoryKb(grandchild)]
    assert.ok(sleeper.rss > 0)
    assert.ok(shell.rss > sleeper.rss)
    assert.ok(all.rss > shell.rss)
    assert.ok(sleeper.pss <= sleeper.rss)
    process.kill(grandchild)
  } finally {
    child.kill()
  }
})

test('a process that is gone has no memory', () => {
  assert.equal(memoryKb(2 ** 22 + 1), { rss: 0, pss: 0 })
})

test.run()
