import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chromium, type Browser } from 'playwright-core'
import type { Host, Lab } from './lab.ts'

/** Chromium without a window inside a host's namespace; ended with the lab's test. */
export async function openBrowser(lab: Lab, host: Host): Promise<Browser> {
  const wrapper = join(lab.folder, 'chromium.sh')
  writeFileSync(wrapper, `#!/bin/sh\nexec ip netns exec ${host.namespace} /usr/bin/chromium "$@"\n`)
  chmodSync(wrapper, 0o755)
  const browser = await chromium.launch({ executablePath: wrapper, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] })
  lab.onReset(() => browser.close())
  return browser
}
