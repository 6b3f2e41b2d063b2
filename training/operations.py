"""What a SavedModel made by somebody else may do when it is loaded and run: compute, and nothing else."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tensorflow.core.protobuf import saved_model_pb2

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


def refused(folder: Path) -> list[str]:
    """The operations that a SavedModel may not have, by name, of all that can run when it is loaded or asked.

    TensorFlow's own saver, which every SavedModel carries and which nobody calls, is left out.
    """
    found = saved_model_pb2.SavedModel()
    found.ParseFromString((folder / "saved_model.pb").read_bytes())
    return sorted({operation for graph in found.meta_graphs for operation in _reachable(graph)} - _ALLOWED)


def _reachable(graph: Any) -> set[str]:  # noqa: ANN401  a protobuf message
    saver = {name.split(":")[0] for name in (graph.saver_def.save_tensor_name, graph.saver_def.restore_op_name)}
    functions = {function.signature.name: function.node_def for function in graph.graph_def.library.function}
    nodes = [node for node in graph.graph_def.node if node.name not in saver]
    called = _called(nodes) | set(graph.object_graph_def.concrete_functions)
    operations = {node.op for node in nodes}
    seen: set[str] = set()
    while unseen := called - seen:
        seen |= unseen
        bodies = [node for name in unseen for node in functions.get(name, ())]
        operations |= {node.op for node in bodies}
        called |= _called(bodies)
    return operations - functions.keys()


def _called(nodes: Sequence[Any]) -> set[str]:
    """The functions that nodes name in their attributes, or as if they were operations."""
    attributes = [value for node in nodes for value in node.attr.values()]
    listed = {function.name for value in attributes for function in value.list.func}
    return listed | {node.op for node in nodes} | {value.func.name for value in attributes if value.HasField("func")}
