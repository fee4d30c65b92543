"""Templates read symbolically, with what they include."""

from __future__ import annotations

from pathlib import Path

from beamwright_generator.parse.database.template_tree import TemplateTree, read_template
from beamwright_generator.parse.description_files import DescriptionFiles
from beamwright_generator.parse.macros.maclib import MacroScope
from beamwright_generator.problems import Problems


def record_names(tree: TemplateTree) -> list[str]:
    return [record.name for record in tree.database.records]


def test_includes_stand_in_order_with_what_is_substituted_there(
    files: DescriptionFiles, problems: Problems, put
) -> None:
    put("base.template", 'record(ai, "$(P)$(R)b")\nsubstitute "X=1"\n')
    put("n.template", 'record(ai, "$(P)$(R)$(N=0)")\n')
    path = put(
        "top.template",
        'include "base.template"\nsubstitute "R=$(R)1:,N=1"\ninclude "n.template"\nsubstitute "N"\n'
        'include "n.template"\nrecord(bo, "$(P)t")\n',
    )
    tree = read_template(files, path, [], problems)
    assert tree is not None
    assert record_names(tree) == ["$(P)t"]
    assert [(i.tree and record_names(i.tree), i.definitions) for i in tree.includes] == [
        (["$(P)$(R)b"], {}),
        (["$(P)$(R)$(N=0)"], {"X": "1", "R": "$(R)1:", "N": "1"}),
        (["$(P)$(R)$(N=0)"], {"X": "1", "R": "$(R)1:", "N": None}),
    ]
    assert tree.included(tree.includes[1].statement) is tree.includes[1]
    assert not len(problems)


def test_a_file_included_into_a_body_appends_to_its_record(files: DescriptionFiles, problems: Problems, put) -> None:
    put("fields.template", 'field(DESC, "$(D)")\n')
    tree = read_template(
        files, put("a.template", 'record(ai, "$(P)a") {\n include "fields.template"\n}\n'), [], problems
    )
    assert tree is not None
    (included,) = tree.includes
    assert included.tree is not None
    (record,) = included.tree.database.records
    assert (included.record, record.type, record.name, record.fields[0].raw) == ("$(P)a", "*", "$(P)a", "$(D)")


def test_macros_that_decide_on_syntax_take_the_values_given(files: DescriptionFiles, problems: Problems, put) -> None:
    path = put("a.template", '$(HASH=#)record(ai, "$(P)a")\nrecord(bo, "$(P)b")\n$(MORE)\n')
    without = read_template(files, path, [], problems)
    assert without is not None
    assert record_names(without) == ["$(P)b"]
    assert [problem.code for problem in problems] == ["macro-in-syntax"]
    given = Problems()
    tree = read_template(files, path, [], given, macros=MacroScope({"HASH": "", "P": "p:", "MORE": 'record(ai, "m")'}))
    assert tree is not None
    assert record_names(tree) == ["$(P)a", "$(P)b", "m"]
    assert str(tree.database.at(tree.database.records[2])) == "a.template:3:1"
    assert not len(given)


def test_include_names_may_hold_macros(files: DescriptionFiles, problems: Problems, put, tmp_path: Path) -> None:
    put("lib/one.template", 'record(ai, "one")\n')
    path = put("a.template", 'include "$(KIND).template"\n')
    tree = read_template(files, path, [tmp_path / "lib"], problems, macros=MacroScope({"KIND": "one"}))
    assert tree is not None
    assert tree.includes[0].tree is not None
    assert record_names(tree.includes[0].tree) == ["one"]
    missing = read_template(files, path, [tmp_path / "lib"], problems)
    assert missing is not None
    assert missing.includes[0].tree is None
    assert [(problem.code, problem.hint) for problem in problems] == [("include-missing", "give its macros values")]


def test_circles_end(files: DescriptionFiles, problems: Problems, put) -> None:
    put("b.template", 'include "a.template"\n')
    tree = read_template(files, put("a.template", 'include "b.template"\n'), [], problems)
    assert tree is not None
    assert tree.includes[0].tree is not None
    assert tree.includes[0].tree.includes[0].tree is None
    assert [problem.code for problem in problems] == ["include-cycle"]


def test_a_real_detector_has_its_bases(corpus: Path) -> None:
    problems = Problems()
    files = DescriptionFiles([corpus], corpus, problems)
    search = [corpus / "areaDetector+ADCore/ADApp/Db"]
    path = corpus / "areaDetector+ADSimDetector/simDetectorApp/Db/simDetector.template"
    tree = read_template(files, path, search, problems)
    assert tree is not None
    (base,) = tree.includes
    assert base.tree is not None
    (arrays,) = base.tree.includes
    assert arrays.tree is not None
    assert [Path(t.source.name).name for t in (tree, base.tree, arrays.tree)] == [
        "simDetector.template",
        "ADBase.template",
        "NDArrayBase.template",
    ]
    assert "$(P)$(R)Acquire" in record_names(arrays.tree) + record_names(base.tree)
    assert not list(problems)
