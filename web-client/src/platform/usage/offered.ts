/** Who is offered the page of the whole organization: those to whom the server would show it. */
import type { Me } from '../../app/me'

/** A token for one canvas has no role in the organization. */
export const seesUsage = (me: Me | undefined): boolean => me?.role === 'owner' || me?.role === 'editor'
