using OrleansLLM.Compute;
using OrleansLLM.Files;
using OrleansLLM.Testing;

namespace OrleansLLM.Models.Tests;

/// <summary>Random damage to sound models: any device loads them or they are refused, and nothing else ever happens.</summary>
[Trait("Category", "Reference")]
public class DamagedModelTests
{
    private const int Rounds = 150;
    private const int HeaderBytes = 6000;

    public static TheoryData<string> GgufFolders =>
        [.. ReferenceData.Cases("gguf", "golden.json").Where(folder => IsBuilt(folder, ModelFeatures.GgufPath(folder))).Take(4)];

    public static TheoryData<string> Folders => [.. ReferenceData.Cases("hf", "golden.json").Where(folder => IsBuilt(folder, folder)).Take(4)];

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(GgufFolders))]
    public void A_damaged_gguf_file_loads_or_is_refused(string folder)
    {
        var sound = File.ReadAllBytes(ModelFeatures.GgufPath(folder));
        var target = Directory.CreateTempSubdirectory("orleansllm");
        var loaded = Damage(sound, Path.Combine(target.FullName, "model.gguf"), Path.Combine(target.FullName, "model.gguf"));
        Assert.InRange(loaded, 1, Rounds - 1);
        target.Delete(true);
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Folders))]
    public void A_folder_with_a_damaged_file_loads_or_is_refused(string folder)
    {
        var (names, loaded) = (new[] { "config.json", "model.safetensors", "generation_config.json" }, 0);
        foreach (var name in names)
        {
            var target = Directory.CreateTempSubdirectory("orleansllm");
            foreach (var file in Directory.GetFiles(folder, "*.*").Where(path => Path.GetExtension(path) is ".json" or ".safetensors"))
            {
                File.Copy(file, Path.Combine(target.FullName, Path.GetFileName(file)));
                File.SetAttributes(Path.Combine(target.FullName, Path.GetFileName(file)), FileAttributes.Normal);
            }

            loaded += Damage(File.ReadAllBytes(Path.Combine(folder, name)), Path.Combine(target.FullName, name), target.FullName);
            target.Delete(true);
        }

        Assert.InRange(loaded, 1, (names.Length * Rounds) - 1);
    }

    private static bool IsBuilt(string folder, string model) =>
        ModelFeatures.KindOf(folder).IsBuilt && ModelFeatures.Of(model).All(feature => feature.IsBuilt);

    /// <summary>How many of the damaged models loaded.</summary>
    private static int Damage(byte[] sound, string file, string model)
    {
        var random = new Random(11);
        var loaded = 0;
        for (var round = 0; round < Rounds; round++)
        {
            var bytes = round % 3 == 0 ? sound[..random.Next(sound.Length)] : sound.ToArray();
            for (var flips = round % 3 == 0 ? 0 : random.Next(1, 6); flips > 0; flips--)
            {
                bytes[random.Next(Math.Min(bytes.Length, HeaderBytes))] = (byte)random.Next(256);
            }

            File.WriteAllBytes(file, bytes);
            var refusals = TestDevices.Every.Select(create => Load(model, create)).Distinct().ToList();
            Assert.Single(refusals);
            loaded += refusals[0] is null ? 1 : 0;
        }

        return loaded;
    }

    /// <summary>What the model is refused for, or null.</summary>
    private static string? Load(string model, Func<IDevice> create)
    {
        try
        {
            using var device = create();
            using var file = ModelFile.Open(model);
            file.Load(device, new(8, 4, ElementType.BFloat16)).Dispose();
            return null;
        }
        catch (FileFormatException error)
        {
            Assert.Contains(model, error.Message, StringComparison.Ordinal);
            return error.Message;
        }
    }
}
