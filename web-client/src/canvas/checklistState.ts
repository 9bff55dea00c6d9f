/**
 * The first steps of a person: which are done, and whether they still want to see them. Kept for each person on this
 * device. Ticked by what they really do, wherever that is.
 */
import { create } from 'zustand'
import { visitToken } from '../app/api'

export const STEPS = ['sample', 'data', 'share'] as const
export type Step = (typeof STEPS)[number]
type First = { done: Step[]; closed: boolean }

const FRESH: First = { done: [], closed: false }
const key = (userId: string): string => `jabiru.first-steps.${userId}`

const read = (userId: string): First => {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(key(userId)) ?? 'null')
    if (typeof value !== 'object' || value === null) return FRESH
    const { done, closed } = value as Partial<First>
    return { done: STEPS.filter((step) => Array.isArray(done) && done.includes(step)), closed: closed === true }
  } catch {
    return FRESH
  }
}

/** By person. `asked` counts how often somebody asked to see the list, which opens it. */
const useFirst = create<{ people: Record<string, First>; asked: number }>(() => ({ people: {}, asked: 0 }))

const of = (userId: string): First => useFirst.getState().people[userId] ?? read(userId)

const write = (userId: string, next: First): void => {
  try {
    localStorage.setItem(key(userId), JSON.stringify(next))
  } catch {
    // Without storage the list comes back with the next page.
  }
  useFirst.setState(({ people }) => ({ people: { ...people, [userId]: next } }))
}

export const tick = (userId: string, step: Step): void => {
  const now = of(userId)
  if (!now.done.includes(step)) write(userId, { ...now, done: [...now.done, step] })
}

export const closeChecklist = (userId: string): void => write(userId, { ...of(userId), closed: true })

export const openChecklist = (userId: string): void => {
  write(userId, { ...of(userId), closed: false })
  useFirst.setState(({ asked }) => ({ asked: asked + 1 }))
}

/** Who comes with a token is a guest of another program, and has nothing to set up here. */
export const useChecklistOf = (userId: string): { open: boolean; done: Step[]; asked: number } => {
  const kept = useFirst((state) => state.people[userId])
  const asked = useFirst((state) => state.asked)
  const { done, closed } = kept ?? of(userId)
  return { open: !closed && visitToken() === undefined, done, asked }
}
