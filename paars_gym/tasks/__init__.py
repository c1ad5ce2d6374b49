"""The paper's four tasks, and OPeRA's: cases of real or invented people, put to any shopper, and scored (section 4.3).

==========================================  ==============================  ==========================
`query_generation.generate_queries`         a query for a title             Tables 1 and 2, Figure 2
`items.selection.select_items`              one of four items               Table 3
`view_selection.select_views`               one of a page of results        Table 2, Figure 3
`session_generation.generate_sessions`      whole sessions                  Tables 2 and 4
`next_actions.action.predict_next`          what comes next in a session    OPeRA's benchmark
==========================================  ==============================  ==========================

Each takes the people (`people.reference_people`) and a `RunConfig`, and gives a table of estimates::

    from paars_gym.config import RunConfig
    from paars_gym.tasks.people import reference_people
    from paars_gym.tasks.view_selection import select_views

    results = select_views(reference_people("mini"), RunConfig(policy="behavioural", sessions=500))
    results.to_pandas()
"""
