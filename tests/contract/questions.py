"""All questions, in the order in which they are asked."""

from tests.contract import (
    questions_of_groups,
    questions_of_hosts,
    questions_of_jobs,
    questions_of_layers,
    questions_of_limits,
    questions_of_shows,
    questions_of_specs,
    questions_of_the_rest,
)
from tests.contract.asking import Question

QUESTIONS: tuple[Question, ...] = (
    *questions_of_shows.FIRST,
    *questions_of_shows.NAMES,
    *questions_of_shows.TAKEN,
    *questions_of_shows.SETTINGS,
    *questions_of_shows.SUBSCRIPTIONS,
    *questions_of_shows.DEPARTMENTS,
    *questions_of_shows.SERVICES,
    *questions_of_specs.NOT_XML,
    *questions_of_specs.GRAMMAR,
    *questions_of_specs.MEANING,
    *questions_of_specs.SHOWS,
    *questions_of_specs.LAUNCHES,
    *questions_of_jobs.READS,
    *questions_of_jobs.CHANGES,
    *questions_of_layers.LAYERS,
    *questions_of_layers.DEPENDS,
    *questions_of_jobs.ENDS,
    *questions_of_hosts.HOSTS,
    *questions_of_hosts.OWNERS,
    *questions_of_groups.GROUPS,
    *questions_of_groups.FILTERS,
    *questions_of_limits.LIMITS,
    *questions_of_limits.PLACES,
    *questions_of_limits.LONG,
    *questions_of_the_rest.REST,
    *questions_of_shows.LAST,
)
