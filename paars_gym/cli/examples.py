"""An example or two of every verb, shown below its options in ``--help``; the tests check that each could be typed."""

from __future__ import annotations

from collections.abc import Mapping

from rich.markup import escape

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "": (
        "paars simulate --sessions 1000 --out run",
        "paars score --human people --agents run",
        'paars abtest --control bm25 --treatment "bm25+rating:0.3"',
    ),
    "data list": ("paars data list", "paars data list opera"),
    "data get": ("paars data get asos", "paars data get diginetica --from downloads/diginetica"),
    "data path": ("paars data path ta-feng",),
    "catalog build": (
        "paars catalog build products.csv --out shop",
        "paars catalog build feed.jsonl.gz --map title=product_name,id=sku --currency EUR --out shop",
    ),
    "catalog check": ("paars catalog check shop", "paars catalog check shop --mend"),
    "catalog describe": ("paars catalog describe shop",),
    "sessions import": (
        "paars sessions import log.csv --format generic --wizard --out people",
        "paars sessions import installed --format journey --out people",
    ),
    "sessions check": ("paars sessions check people", "paars sessions check run --mend"),
    "sessions describe": ("paars sessions describe people", "paars sessions describe run"),
    "sessions export": (
        "paars sessions export run --to inspect --out 2026-01-31T09-30-00_run.json",
        "paars sessions export run --to otel --out run.otlp.jsonl",
    ),
    "sessions split": ("paars sessions split people --by time --at 2017-11-01 --out halves",),
    "personas mine": (
        "paars personas mine --sessions people --model anthropic:claude-haiku-4-5 --out personas.jsonl --dry-run",
        "paars personas mine --sessions people --model openai:gpt-4.1-mini --backend ray --max-usd 50",
    ),
    "personas count": ("paars personas count --sessions people --catalog shop --out personas.jsonl",),
    "personas check": ("paars personas check personas.jsonl --attributes answers.csv",),
    "personas sample": (
        'paars personas sample --from personas.jsonl --quota "age_range=65+:0.3" --out older.jsonl',
        "paars personas sample --from personas.jsonl --attributes told.csv --quota home=renter:40% --out renters.jsonl",
    ),
    "play": (
        'paars play --intention "a kettle below 40" --log steps.jsonl',
        "paars play --web --tasks needs.txt --out visits",
    ),
    "serve": (
        "paars serve --mcp --out agents",
        "paars serve --mcp --stdio --tools shop --out agents",
    ),
    "doctor": ("paars doctor", "paars doctor --ask"),
    "prompt show": (
        "paars prompt show --task session --condition persona",
        "paars prompt show --task item --persona personas.jsonl#ann --form text --json",
    ),
    "simulate": (
        "paars simulate --catalog shop --ranking bm25+rating:0.3 --sessions 1000 --out run",
        "paars simulate --policy llm --model openai:gpt-4.1-mini --max-usd 20 --sessions 100 --out run",
        "paars simulate --catalog shop --sessions 1000000 --backend ray --address auto --out run",
    ),
    "score": (
        "paars score --human people --agents run",
        "paars score --human people --agents run --baseline base",
        "paars score --human people --agents run --by goal",
        "paars score --human s3://bucket/people --agents s3://bucket/run --backend ray --address auto",
    ),
    "view": ("paars view run", "paars view test --port 8000"),
    "report": (
        "paars report run --human people --out report.html",
        "paars report persona --human mini --compare base --out report.html",
        "paars report test --out test.html",
    ),
    "reference export": ("paars reference export --human people --epsilon 1 --out reference.json",),
    "tasks query": (
        "paars tasks query --human people --policy llm --model openai:gpt-4.1-mini --max-usd 5",
        "paars tasks query --human mini --policy behavioural --policy uniform",
    ),
    "tasks item": (
        "paars tasks item --human journey",
        "paars tasks item --model anthropic:claude-haiku-4-5 --cases 500 --max-usd 5",
        "paars tasks item --cases 100 --export-questions questions.jsonl",
        "paars tasks item --cases 100 --answers answers.jsonl --by-whom annotators",
    ),
    "tasks view": (
        "paars tasks view --human people --catalog shop --policy behavioural --policy uniform",
        "paars tasks view --model openai:gpt-4.1-mini --cases 200 --repeats 5 --max-usd 5",
        "paars tasks view --policy uniform --cases 3000 --backend ray",
    ),
    "tasks session": (
        "paars tasks session --human mini --policy behavioural --sessions 500 --runs runs",
        "paars tasks session --human opera --fit",
    ),
    "tasks next": (
        "paars tasks next --human opera --policy likelihood:smollm2",
        "paars tasks next --human people --personas personas.jsonl --model openai:gpt-4.1-mini --max-usd 5",
    ),
    "abtest": (
        'paars abtest --catalog shop --control bm25 --treatment "bm25+rating:0.3" --sessions 800',
        "paars abtest --plan --mde 2%",
        "paars abtest --plan --human journey --mde 10%",
        "paars abtest --human visits",
    ),
    "backtest": ("paars backtest past_tests.csv",),
    "fit": (
        "paars fit --human people --catalog shop --personas personas.jsonl --out shopper.json",
        "paars fit --human mini --out shopper.json",
    ),
    "calibrate": ("paars calibrate --human people --catalog shop --out population.json",),
    "probe": ("paars probe brand --by income", "paars probe price --human panel:yogurt"),
    "survey ask": ("paars survey ask questions.yaml --model anthropic:claude-haiku-4-5 --personas personas.jsonl",),
    "survey score": ("paars survey score --human people.csv --answers twins.csv",),
}


def examples_of(verb: str) -> str | None:
    """What stands below the options of a verb, named as it is typed; None where there is no example."""
    commands = EXAMPLES.get(verb, ())
    # Escaped: a bracket would be read as markup.
    lines = (f"Example{'s' * (len(commands) > 1)}:", *map(escape, commands))
    return "\n".join(lines) if commands else None
