/**
 * What is cached of the server's answers, for the parts of the page that read any. It comes with the first of them: a
 * canvas opens without it.
 */
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { ApiError } from './api'

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      // A refusal does not change by asking again; a server that is away may come back.
      retry: (failures, error) =>
        failures < 1 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
      // Ask even when the browser believes there is no network: the server may be on this machine.
      networkMode: 'always',
    },
    mutations: { networkMode: 'always' },
  },
})

export const Queries = ({ children }: { children: ReactNode }) => (
  <QueryClientProvider client={queries}>{children}</QueryClientProvider>
)
