/** One part of a change, and how it goes back. `apply` either throws and has changed nothing, or can be undone. */
export interface Step {
  readonly name: string
  apply(): void | Promise<void>
  undo(): void | Promise<void>
}

/** All of them in their order, or none: when one throws, those before it go back, the last first; `stuck` hears of one that cannot. */
export async function inOneGo(steps: readonly Step[], stuck: (step: Step, error: unknown) => void): Promise<void> {
  const done: Step[] = []
  try {
    for (const step of steps) {
      await step.apply()
      done.push(step)
    }
  } catch (error) {
    for (const step of done.reverse()) {
      try {
        await step.undo()
      } catch (problem) {
        stuck(step, problem)
      }
    }
    throw error
  }
}
