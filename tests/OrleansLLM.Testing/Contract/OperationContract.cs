using OrleansLLM.Compute;
using Xunit;

namespace OrleansLLM.Testing.Contract;

/// <summary>What a device says of itself, norms, activations, experts and blocks.</summary>
public abstract class OperationContract(DeviceProfile profile) : DeviceContract(profile)
{
    private delegate Tensor Operation(IDevice device);

    [Fact]
    public void A_device_says_of_its_rows_what_its_tests_hold_it_to()
    {
        foreach (var arithmetic in Arithmetics)
        {
            using var device = Profile.Create(arithmetic);
            Assert.Equal(Profile.Determinism, device.Description.Determinism);
        }
    }

    [Theory]
    [InlineData(NormKind.Rms, 576)]
    [InlineData(NormKind.Rms, 37)]
    [InlineData(NormKind.Layer, 64)]
    [InlineData(NormKind.Layer, 21)]
    public void Norms_agree_with_the_reference(NormKind kind, int width)
    {
        var random = new Random(31);
        var (scale, bias) = (Arrange.Numbers(random, width), kind == NormKind.Layer ? Arrange.Numbers(random, width) : []);
        var (x, residual) = (Arrange.Numbers(random, 5 * width), Arrange.Numbers(random, 5 * width));
        Check(Profile.NormTolerance, device =>
        {
            var tensor = Arrange.Upload(device, x, 5, width);
            device.Norm(tensor, device.LoadNorm(kind, 1e-5f, scale, bias), tensor);
            return tensor;
        });
        Check(Profile.NormTolerance, device =>
        {
            var (input, sums) = (Arrange.Upload(device, x, 5, width), Arrange.Upload(device, residual, 5, width));
            var to = device.Allocate(5, width);
            device.AddNorm(input, sums, device.LoadNorm(kind, 1e-5f, scale, bias), to);
            device.Add(sums, to);
            return to;
        });
    }

    [Theory]
    [InlineData(Activation.Silu)]
    [InlineData(Activation.Gelu)]
    [InlineData(Activation.GeluTanh)]
    [InlineData(Activation.Relu)]
    public void Activations_agree_with_the_reference(Activation activation)
    {
        var x = Arrange.Numbers(new Random(32), 3 * 150);
        x[0] = 80;
        x[1] = -80;
        x[2] = 0;
        x[3] = -200;
        Check(Profile.ActivationTolerance, device =>
        {
            var tensor = Arrange.Upload(device, x, 3, 150);
            device.Activate(tensor, activation);
            return tensor;
        });
        Check(Profile.ActivationTolerance, device =>
        {
            var to = device.Allocate(3, 75);
            device.ActivateGated(Arrange.Upload(device, x, 3, 150), activation, to);
            return to;
        });
    }

    [Theory]
    [InlineData(Activation.Silu)]
    [InlineData(Activation.Gelu)]
    [InlineData(Activation.GeluTanh)]
    [InlineData(Activation.Relu)]
    public void What_is_no_number_stays_none(Activation activation)
    {
        using var device = Profile.Create();
        foreach (var place in new[] { 0, 20, 36 })
        {
            var x = Arrange.Numbers(new Random(36), 2 * 37);
            x[37 + place] = float.NaN;
            var activated = Arrange.Upload(device, x, 2, 37);
            device.Activate(activated, activation);
            Assert.Equal(37 + place, Array.FindIndex(Arrange.Download(device, activated), float.IsNaN));
            var normal = Arrange.Upload(device, x, 2, 37);
            device.Norm(normal, device.LoadNorm(NormKind.Rms, 1e-5f, Arrange.Numbers(new Random(37), 37), []), normal);
            Assert.All(Arrange.Download(device, normal), (number, i) => Assert.Equal(i >= 37, float.IsNaN(number)));
            var plan = new ExpertPlan(2, 2);
            device.Route(Arrange.Upload(device, x, 2, 37), new RoutingShape(37, 2, RoutingScore.SoftmaxRenormalized), plan);
            Assert.Equal([false, false, true, true], plan.Weights[..4].Select(float.IsNaN));
        }
    }

    [Fact]
    public void An_operation_on_columns_leaves_their_neighbours_alone()
    {
        var x = Arrange.Numbers(new Random(33), 4 * 50);
        Check(Profile.ActivationTolerance, device =>
        {
            var tensor = Arrange.Upload(device, x, 4, 50);
            device.Activate(tensor.SliceColumns(3, 19), Activation.Silu);
            return tensor;
        });
    }

    [Fact]
    public void Experts_agree_with_the_reference_and_a_row_is_the_same_alone()
    {
        var random = new Random(34);
        var (width, hidden) = (64, 96);
        var gateUp = Enumerable.Range(0, 5).Select(_ => new LinearSource(Arrange.Weights(random, WeightFormats.F32, 2 * hidden, width))).ToArray();
        var down = Enumerable.Range(0, 5).Select(_ => new LinearSource(Arrange.Weights(random, WeightFormats.F32, width, hidden))).ToArray();
        var (x, logits) = (Arrange.Numbers(random, 13 * width), Arrange.Numbers(random, 13 * 5));
        logits[1] = logits[3];
        float[] Run(IDevice device, int first, int rows)
        {
            var plan = new ExpertPlan(rows, 2);
            device.Route(
                Arrange.Upload(device, logits[(first * 5)..((first + rows) * 5)], rows, 5),
                new RoutingShape(5, 2, RoutingScore.SoftmaxRenormalized), plan);
            var to = device.Allocate(rows, width);
            device.ExpertMlp(
                Arrange.Upload(device, x[(first * width)..((first + rows) * width)], rows, width),
                device.LoadExperts(gateUp), device.LoadExperts(down), Activation.Silu, plan, to);
            return Arrange.Download(device, to);
        }

        using var device = Profile.Create();
        using var reference = new ReferenceDevice();
        var together = Run(device, 0, 13);
        Arrange.AssertClose(Run(reference, 0, 13), together, Profile.ExpertTolerance);
        AssertSameRows([.. Enumerable.Range(0, 13).SelectMany(row => Run(device, row, 1))], together, Profile.ExpertTolerance);
    }

    [Fact]
    public void Blocks_move_to_the_host_and_back_unchanged_and_copies_keep_their_slots()
    {
        using var device = Profile.Create();
        var attend = new AttendCase(
            new AttentionShape(2, 1, 16, 16, 1), new KvGeometry(16, 1, 1, 16, 16, ElementType.BFloat16), [16]);
        var geometry = attend.Geometry;
        using var cache = device.AllocateKv(geometry, 4);
        using var host = device.AllocateHostBlocks(geometry, 2);
        var qkv = Arrange.Upload(device, Arrange.Numbers(new Random(35), 16 * attend.Shape.QkvColumns), 16, attend.Shape.QkvColumns);
        float[] Read(int block, bool store)
        {
            var plan = new AttentionPlan(1, 1) { BlockSize = 16, Sequences = 1 };
            (plan.QueryStarts[1], plan.TableStarts[1], plan.BlockTables[0]) = (16, 1, block);
            if (store)
            {
                device.RotateAndStore(qkv, attend.Shape, null, null, null, plan, new KvLayer(cache, 0));
            }

            var to = device.Allocate(16, 32);
            device.Attend(qkv.SliceColumns(0, 32), attend.Shape, plan, new KvLayer(cache, 0), to);
            return Arrange.Download(device, to);
        }

        var expected = Read(0, store: true);
        device.CopyBlocks(cache, [new BlockCopy(0, 1, 16)]);
        Assert.True(device.IsCompleted(device.MoveToHost(cache, host, [new BlockMove(1, 1)])));
        Assert.True(device.IsCompleted(device.MoveFromHost(cache, host, [new BlockMove(3, 1)])));
        Arrange.AssertSameBits(expected, Read(1, store: false));
        Arrange.AssertSameBits(expected, Read(3, store: false));
    }

    private void Check(double tolerance, Operation operation)
    {
        using var device = Profile.Create();
        using var reference = new ReferenceDevice();
        Arrange.AssertClose(Arrange.Download(reference, operation(reference)), Arrange.Download(device, operation(device)), tolerance);
    }
}
