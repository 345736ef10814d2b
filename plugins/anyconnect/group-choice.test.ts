import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { GroupChoice } from './group-choice.ts'
import { group } from './testing.ts'

const groups = new GroupChoice(() => [group('default', 'Everybody'), group('staff', 'Staff'), group('büro', 'Büro & Co')])
const chosen = (request: Parameters<GroupChoice['choose']>[0]): string => {
  const { group: found, by } = groups.choose(request)
  return `${found.name} by ${by}`
}

test('G04 the path forces a group, in any spelling a URL allows', () => {
  assert.is(chosen({ path: '/staff' }), 'staff by url')
  assert.is(chosen({ path: '/staff/', groupSelect: 'default' }), 'staff by url')
  assert.is(chosen({ path: '/b%C3%BCro' }), 'büro by url')
  assert.is(chosen({ path: '/%zz' }), 'default by default')
  assert.is(chosen({ path: '/staff/more' }), 'default by default')
})
test('G04 the address in group-access counts like the path', () => {
  assert.is(chosen({ path: '/', groupAccess: 'https://vpn.example.com/staff' }), 'staff by url')
  assert.is(chosen({ path: '/', groupAccess: 'https://vpn.example.com:4443/staff?x=1' }), 'staff by url')
  assert.is(chosen({ path: '/', groupAccess: 'not a url' }), 'default by default')
})
test('G04 name and label are accepted, a choice remembered from elsewhere is passed over', () => {
  assert.is(chosen({ path: '/', groupSelect: 'staff' }), 'staff by client')
  assert.is(chosen({ path: '/auth', groupSelect: 'Büro & Co' }), 'büro by client')
  assert.is(chosen({ path: '/', groupSelect: 'LAST CHOICE' }), 'default by default')
})
test('G04 the choice comes first in the list; one group or a group by address gives none', () => {
  const names = (request: Parameters<GroupChoice['choose']>[0]): string[] => groups.offer(groups.choose(request)).map(({ name }) => name)
  assert.equal(names({ path: '/', groupSelect: 'Staff' }), ['staff', 'default', 'büro'])
  assert.equal(names({ path: '/staff' }), [])
  const single = new GroupChoice(() => [group('default')])
  assert.equal(single.offer(single.choose({ path: '/' })), [])
})

test('G04 a group that is not listed is reached by its address and by name, and is not in the list', () => {
  const hidden = new GroupChoice(() => [{ ...group('default'), listed: false }, group('staff'), group('guests'), { ...group('admins'), listed: false }])
  assert.equal(hidden.offer(hidden.choose({ path: '/' })).map(({ name }) => name), ['staff', 'guests'])
  assert.is(hidden.choose({ path: '/admins' }).group.name, 'admins')
  const alone = new GroupChoice(() => [group('default'), { ...group('staff'), listed: false }])
  assert.equal(alone.offer(alone.choose({ path: '/' })), [], 'one listed group makes no list')
})

test.run()
