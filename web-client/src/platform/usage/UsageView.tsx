/**
 * What both usage pages show: the range, four totals of which one is drawn by day, and the states in between. The total
 * that is pressed is the one the chart shows.
 */
import type { UseQueryResult } from '@tanstack/react-query'
import { ChartNoAxesColumn, CloudAlert, Table } from 'lucide-react'
import { type ReactNode, useId, useState } from 'react'
import { ApiError, describeError } from '../../app/api'
import { formatNumber } from '../../canvas/blocks/format'
import { Button } from '../../ui/Button'
import { RANGES, type Range, type Usage } from './api'
import { DayChart } from './DayChart'
import { DayTable } from './DayTable'
import { isQuiet, MEASURES, type Measure, rangeText } from './shape'
import '../../ui/figures.css'
import '../../ui/page.css'
import './usage.css'

type Props<T extends Usage> = {
  read: UseQueryResult<T>
  range: Range
  onRange: (range: Range) => void
  /** What is said when nothing happened in these days. */
  quiet: string
  /** In a window of its own: the range is what the keys begin with, and headings stand below the window's. */
  inDialog?: boolean
  /** What follows the chart. */
  children?: (usage: T) => ReactNode
}

export function UsageView<T extends Usage>({ read, range, onRange, quiet, inDialog = false, children }: Props<T>) {
  const [measure, setMeasure] = useState<Measure>('views')
  const [tabular, setTabular] = useState(false)
  const group = useId()
  const Heading = inDialog ? 'h3' : 'h2'
  const { data, error } = read
  // A refusal stays one; what cannot be reached now is shown as it was.
  const refused = error instanceof ApiError && error.status >= 400 && error.status < 500
  const shown = refused ? undefined : data

  return (
    <div className="usage" data-testid="usage" data-waiting={read.isPlaceholderData ? '' : undefined}>
      {!refused && (
        <div className="usage-head">
          <p className="usage-dates" role="status">
            {shown === undefined || read.isPlaceholderData ? '' : rangeText(shown)}
          </p>
          <fieldset className="segments usage-range">
            <legend className="visually-hidden">How many days</legend>
            {RANGES.map((days) => (
              <label key={days}>
                <input
                  type="radio"
                  className="visually-hidden"
                  name={`${group}-range`}
                  value={days}
                  checked={days === range}
                  // biome-ignore lint/a11y/noAutofocus: a window begins with what is chosen in it, not with the first choice
                  autoFocus={inDialog && days === range}
                  onChange={() => onRange(days)}
                />
                <span>{days} days</span>
              </label>
            ))}
          </fieldset>
        </div>
      )}
      {shown !== undefined ? (
        <>
          {error !== null && (
            <p className="page-stale" role="status">
              Shown as last read. {describeError(error)}
              <Button onClick={() => void read.refetch()} disabled={read.isFetching}>
                Try again
              </Button>
            </p>
          )}
          {isQuiet(shown) ? (
            <State icon={<ChartNoAxesColumn aria-hidden />} title={quiet} testId="usage-quiet">
              <p>What people do is counted within a minute. A longer range may have more to show.</p>
            </State>
          ) : (
            <>
              <fieldset className="usage-totals">
                <legend className="visually-hidden">What is shown by day</legend>
                {MEASURES.map(({ measure: one, label }) => (
                  <label key={one} data-testid={`usage-${one}`}>
                    <input
                      type="radio"
                      className="visually-hidden"
                      name={`${group}-measure`}
                      value={one}
                      checked={one === measure}
                      onChange={() => setMeasure(one)}
                    />
                    <span className="usage-total">
                      <span>{label}</span> <b>{formatNumber(shown.totals[one])}</b>
                    </span>
                  </label>
                ))}
              </fieldset>
              <section className="usage-days" aria-label="By day">
                <div className="usage-days-head">
                  <Heading>
                    {tabular ? 'By day' : `${MEASURES.find((one) => one.measure === measure)?.label} by day`}
                  </Heading>
                  <Button kind="quiet" data-testid="usage-as" onClick={() => setTabular(!tabular)}>
                    {tabular ? <ChartNoAxesColumn aria-hidden /> : <Table aria-hidden />}
                    {tabular ? 'View as chart' : 'View as table'}
                  </Button>
                </div>
                {tabular ? <DayTable usage={shown} measure={measure} /> : <DayChart usage={shown} measure={measure} />}
              </section>
              <p className="usage-note">
                Days are in UTC. A program that reads a canvas counts as a view, too. People count once in a total, on
                however many days they came. An active minute is one in which a person came, left or changed something.
              </p>
            </>
          )}
          {children?.(shown)}
        </>
      ) : error !== null ? (
        <State
          icon={<CloudAlert aria-hidden />}
          title={refused && error.status === 403 ? 'This is for those who may edit' : 'The usage could not be loaded'}
          testId="usage-failed"
        >
          <p role="alert">{describeError(error)}</p>
          {!refused && (
            <Button onClick={() => void read.refetch()} disabled={read.isFetching}>
              {read.isFetching ? 'Trying…' : 'Try again'}
            </Button>
          )}
        </State>
      ) : (
        <Waiting />
      )}
    </div>
  )
}

function State({
  icon,
  title,
  testId,
  children,
}: {
  icon: ReactNode
  title: string
  testId: string
  children: ReactNode
}) {
  return (
    <div className="page-note" data-testid={testId}>
      {icon}
      <strong>{title}</strong>
      {children}
    </div>
  )
}

/** As high as what takes its place. */
function Waiting() {
  return (
    <div aria-busy="true" role="status" aria-label="Loading the usage">
      <div className="usage-totals">
        {MEASURES.map(({ measure, label }) => (
          <span key={measure} className="usage-total" data-waiting="">
            <span>{label}</span> <b />
          </span>
        ))}
      </div>
      <div className="usage-waiting" />
    </div>
  )
}
