"""nbgrader's settings for this course: answers in solutions/, student copies in labs/."""

from sparklimits.grading import nbgrader_settings

c = get_config()  # noqa: F821
nbgrader_settings.apply(c)
c.CourseDirectory.course_id = "sparklimits"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "labs"
