"""What a SavedModel may do when it is loaded and run: compute, and nothing else.

Read from `saved_model.pb` itself, without TensorFlow, whose loader would already act on what it finds. The numbers are
those of the fields in TensorFlow's schema.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet

from service.errors import ModelFault
from service.manifest import SAVED_MODEL_FILE

# TensorFlow's names of operations that a classifier of images is made of. Whatever is not named here is refused: those
# that read or write files, run Python or talk to other machines are many, and each release adds some.
_NAMES = """
Abs Acos Acosh Add AddN AddV2 All Any ApproximateEqual ArgMax ArgMin Asin Asinh AssignVariableOp Atan Atan2 Atanh
AvgPool BatchMatMul BatchMatMulV2 BatchMatMulV3 BatchToSpaceND BiasAdd BroadcastArgs BroadcastTo Cast Ceil
CheckNumerics ClipByValue Complex Concat ConcatV2 Const Conv2D Cos Cosh Cumprod Cumsum DepthToSpace
DepthwiseConv2dNative DisableCopyOnRead Div DivNoNan Einsum Elu EnsureShape Enter Equal Erf Erfc Erfinv Exit Exp
ExpandDims Expm1 Fill Floor FloorDiv FloorMod FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 Gather GatherNd
GatherV2 Greater GreaterEqual HardSwish Identity IdentityN If InTopKV2 Inv InvertPermutation IsFinite IsInf IsNan
L2Loss LRN LeakyRelu LeftShift Less LessEqual LinSpace Log Log1p LogSoftmax LogicalAnd LogicalNot LogicalOr LoopCond
MatMul MatrixBandPart MatrixDiagV3 Max MaxPool MaxPoolV2 Maximum Mean Merge Min Minimum MirrorPad Mod Mul MulNoNan
Neg NextIteration NoOp NotEqual OneHot OnesLike Pack Pad PadV2 PartitionedCall Placeholder PlaceholderWithDefault
Pow PreventGradient Prod Range Rank ReadVariableOp Real RealDiv Reciprocal Relu Relu6 Reshape ResizeArea
ResizeBicubic ResizeBilinear ResizeNearestNeighbor Reverse ReverseSequence ReverseV2 RightShift Rint Roll Round
Rsqrt ScatterNd Select SelectV2 Selu Shape ShapeN Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign
SpaceToBatchND SpaceToDepth Split SplitV Sqrt Square SquaredDifference Squeeze StackPopV2 StackPushV2 StackV2
StatefulPartitionedCall StatelessIf StatelessRandomGetAlg StatelessRandomGetKeyCounter StatelessRandomNormalV2
StatelessRandomUniformIntV2 StatelessRandomUniformV2 StatelessTruncatedNormalV2 StatelessWhile StopGradient
StridedSlice Sub Sum Switch Tan Tanh TensorListElementShape TensorListFromTensor TensorListGather TensorListGetItem
TensorListLength TensorListPushBack TensorListReserve TensorListSetItem TensorListStack Tile TopK TopKV2 Transpose
TruncateDiv Unpack Unstack VarHandleOp VarIsInitializedOp Variable VariableV2 Where While Xdivy Xlogy ZerosLike
"""
_ALLOWED = frozenset(_NAMES.split())
# A function of this name could be an operation of TensorFlow's too, and which of them runs is not ours to guess.
_LIKE_AN_OPERATION = re.compile("_*[A-Z]")
# Of messages in messages, protobuf's own limit.
_MAX_DEPTH = 100
_LENGTH_DELIMITED = 2  # protobuf's wire type of texts and messages


class _Message:
    """The fields of a message that are messages or text, by their number in the schema.

    A field that stands there several times counts every time: what a reader would merge or overwrite is seen as well.
    """

    def __init__(self, content: bytes) -> None:
        self._fields: dict[int, list[bytes]] = {}
        for field in UnknownFieldSet(Empty.FromString(content)):
            if field.wire_type == _LENGTH_DELIMITED:
                self._fields.setdefault(field.field_number, []).append(field.data)

    def __contains__(self, field: int) -> bool:
        return field in self._fields

    def messages(self, field: int) -> Iterator["_Message"]:
        """The messages in a field; raises DecodeError."""
        return (_Message(content) for content in self._fields.get(field, ()))

    def texts(self, field: int) -> list[str]:
        """The texts in a field; raises UnicodeDecodeError."""
        return [content.decode() for content in self._fields.get(field, ())]


class _Function(NamedTuple):
    """What one body consists of: its operations, and the functions it names."""

    operations: frozenset[str]
    called: frozenset[str]


def refused(folder: Path) -> list[str]:
    """The operations that a SavedModel may not have, by name, of all that can run when it is loaded or asked.

    TensorFlow's own saver, which every SavedModel carries and which nobody calls, is left out. Raises ModelFault if the
    file cannot be read.
    """
    return sorted(operations(folder) - _ALLOWED)


def operations(folder: Path) -> set[str]:
    """The names of all operations that can run when a SavedModel is loaded or asked; raises ModelFault."""
    path = folder / SAVED_MODEL_FILE
    try:
        graphs = list(_Message(path.read_bytes()).messages(2))
        # With one graph and its objects TensorFlow calls functions alone. Else it runs the graph as TensorFlow 1 did,
        # and the saver with it.
        objects_only = len(graphs) == 1 and 7 in graphs[0]
        return {name for graph in graphs for name in _reachable(graph, objects_only)}
    except OSError as error:
        raise ModelFault(f"{path}: {error.strerror}") from error
    except (DecodeError, UnicodeDecodeError) as error:
        raise ModelFault(f"{path}: is no SavedModel: {error}") from error


def _reachable(graph: _Message, objects_only: bool) -> set[str]:
    saver = _saver(graph) if objects_only else set()
    definitions = list(graph.messages(2))
    nodes = [node for found in definitions for node in found.messages(1) if not saver.intersection(node.texts(1))]
    functions, swapped = _functions(definitions)
    main = _body(nodes)
    found, called = set(main.operations), set(main.called) | swapped | set(_named_by_objects(graph))
    seen: set[str] = set()
    while unseen := called - seen:
        seen |= unseen
        for body in (body for name in unseen for body in functions.get(name, ())):
            found |= body.operations
            called |= body.called
    return found - {name for name in functions if not _LIKE_AN_OPERATION.match(name)}


def _saver(graph: _Message) -> set[str]:
    """The names of the nodes that save and restore: SaverDef.save_tensor_name and restore_op_name."""
    savers = list(graph.messages(3))
    return {name.split(":")[0] for saver in savers for field in (2, 3) for name in saver.texts(field)}


def _functions(definitions: Iterable[_Message]) -> tuple[dict[str, list[_Function]], set[str]]:
    """The functions by name, and the names of those that TensorFlow may put in another's place.

    That it does for functions with the attribute `api_implements`, which no caller names.
    """
    functions: dict[str, list[_Function]] = {}
    swapped: set[str] = set()
    for function in (one for found in definitions for library in found.messages(2) for one in library.messages(1)):
        body = _body(list(function.messages(3)))
        for name in (name for signature in function.messages(1) for name in signature.texts(1)):
            functions.setdefault(name, []).append(body)
            if any("api_implements" in attribute.texts(1) for attribute in function.messages(5)):
                swapped.add(name)
    return functions, swapped


def _named_by_objects(graph: _Message) -> Iterator[str]:
    """The functions that the objects of a SavedModel consist of."""
    for objects in graph.messages(7):
        yield from (name for concrete in objects.messages(2) for name in concrete.texts(1))
        for node in objects.messages(1):
            # SavedFunction.concrete_functions and SavedBareConcreteFunction.concrete_function_name.
            yield from (name for field in (6, 8) for function in node.messages(field) for name in function.texts(1))


def _body(nodes: Sequence[_Message]) -> _Function:
    """Of NodeDefs: what they are, and the functions they name, as an operation or in an attribute."""
    names = {name for node in nodes for name in node.texts(2)}
    called = {name for node in nodes for attribute in node.messages(5) for name in _called(attribute)}
    return _Function(frozenset(names), frozenset(called | names))


def _called(attribute: _Message, depth: int = 0) -> Iterator[str]:
    """The functions in an entry of a map to AttrValue, which may carry attributes of their own."""
    if depth > _MAX_DEPTH:
        raise DecodeError("it is nested too deeply")
    for value in attribute.messages(2):
        functions = [function for listed in value.messages(1) for function in listed.messages(9)]
        for function in (*functions, *value.messages(10)):
            yield from function.texts(1)
            yield from (name for inner in function.messages(2) for name in _called(inner, depth + 1))
