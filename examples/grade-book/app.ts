/**
 * A small grade book: grades of courses, in memory. The routes say what they demand and do their work; whether a request may
 * go on is decided before they run, by the middleware and access.ts.
 */
import express, { type Express } from 'express'
import { type ExpressRequest, protect } from '../../client/src/express.ts'
import type { Client } from '../../client/src/index.ts'
import { readCourseGrades, readOwnGrades, writeGrades } from './access.ts'

type Grades = Map<string, string>

/** Makes the application. */
export function createGradeBook(claims: Client): Express {
  const courses = new Map<string, Grades>([
    ['course-101', new Map([['sam', 'B+']])],
    ['course-202', new Map([['sam', 'A-']])],
  ])
  const gradesOf = (course: string): Grades => courses.get(course) ?? new Map()
  const app = express()

  app.get('/courses/:course/grades/mine', protect(claims, readOwnGrades), (req, res) => {
    const student = subjectOf(req)
    res.json({ student, grade: gradesOf(req.params.course).get(student) ?? null })
  })

  app.get('/courses/:course/grades', protect(claims, readCourseGrades), (req, res) => {
    res.json(Object.fromEntries(gradesOf(req.params.course)))
  })

  app.put(
    '/courses/:course/grades/:student',
    protect(claims, writeGrades),
    express.json({ limit: '1kb' }),
    (req, res) => {
      const { grade } = (req.body ?? {}) as { readonly grade?: unknown }
      if (typeof grade !== 'string' || !/^[A-F][+-]?$/.test(grade)) {
        res.status(422).json({ error: 'grade must be A to F, with + or - if need be' })
        return
      }
      const { course, student } = req.params
      const grades = gradesOf(course).set(student, grade)
      courses.set(course, grades)
      res.json({ student, grade, by: subjectOf(req) })
    },
  )

  // How stale a decision may be right now, for dashboards and the curious.
  app.get('/health', (_req, res) => {
    res.json(claims.health())
  })

  return app
}

/** Whose token it is; the middleware has put the facts there. */
function subjectOf({ claims }: ExpressRequest): string {
  if (claims === undefined) throw new Error('this route is not protected')
  return claims.sub
}
